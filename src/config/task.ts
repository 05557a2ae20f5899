import { colourOfLabel } from '../labels/organs';
import { TASKS, type PublishedScore, type TaskClass, type TaskOutput, type TaskTable } from '../labels/tasks';
import type { TaskConfig } from './types';

/** A task with its classes and channels, whether named in the config or spelt out there. */
export interface Task {
  readonly title: string;
  readonly output: TaskOutput;
  /** Without background. */
  readonly classes: readonly TaskClass[];
  /** Channels of the network's output: with background for softmax. */
  readonly outChannels: number;
  readonly published: readonly PublishedScore[];
}

/** The task of a config's `task` section. */
export function resolveTask(config: TaskConfig): Task {
  const table: TaskTable | undefined = config.name === 'custom' ? undefined : TASKS[config.name];
  const own = config.classes?.map(({ name, values, colour }, i) => ({
    name,
    values,
    colour: colour === '' ? colourOfLabel(i + 1) : colour,
  }));
  const classes: readonly TaskClass[] = own ?? table?.classes ?? [];
  const output = config.output ?? table?.output ?? 'softmax';
  return {
    title: table?.title ?? 'custom task',
    output,
    classes,
    outChannels: classes.length + (output === 'softmax' ? 1 : 0),
    published: own ? [] : (table?.published ?? []),
  };
}
