import type { FinetuneConfig } from '../config';
import { stepsKept } from '../config/phases';
import type { Network } from '../nets';
import type { Parameter } from '../nets/parameters';
import type { ParameterGroup, TrainedModel, Transferable } from '../tasks';

/** A network that is fine-tuned: it knows which of its parameters pre-training learns. */
export interface Trainable extends Network, Transferable {
  /** Left out: everything is trained. */
  isTrained?(name: string): boolean;
}

/** What the groups of a fine-tuning follow from, besides the network. */
export interface Grouping {
  readonly config: FinetuneConfig;
  /** Optimizer steps of the whole run. */
  readonly totalSteps: number;
  /** Weights that came from the checkpoint as they are there: see `BuildParts.carried`. */
  readonly carried?: ReadonlySet<string> | undefined;
}

/**
 * The encoder with a rate of its own, kept or kept at first, and the rest. With `schedule.phases`, what the encoder has not from the
 * checkpoint is new and belongs to the rest; without them, all of the encoder counts as pre-trained.
 */
export function trainedGroups(
  { config, totalSteps, carried }: Grouping,
  network: Trainable,
): Required<Pick<TrainedModel<never>, 'groups' | 'groupsAt' | 'keptAt'>> {
  const { init, schedule } = config;
  const trained = network.parameters.all.filter(({ name }) => network.isTrained?.(name) ?? true);
  const old = (name: string): boolean =>
    network.isEncoderParameter(name) && (schedule.phases.name === 'default' || (carried?.has(name) ?? false));
  const group = (name: string, parameters: readonly Parameter[], rate: number): ParameterGroup[] =>
    parameters.length === 0 ? [] : [{ name, parameters, rate }];
  const kept = stepsKept(config, totalSteps);
  const rest = trained.filter(({ name }) => !old(name));
  const always = init.freezeEncoder || schedule.phases.name === 'frozen';
  const encoder = trained.filter(({ name }) => old(name));
  const decoder = group('decoder', rest, 1);
  // The encoder is last: in steps that keep it there are gradients of the rest alone.
  const groups = [...decoder, ...(always ? [] : group('encoder', encoder, init.encoderRate))];
  return {
    groups,
    groupsAt: (step) => (step < kept ? decoder.length : groups.length),
    keptAt: (step) => (always || step < kept ? encoder.map(({ variable }) => variable) : []),
  };
}
