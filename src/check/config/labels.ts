import { downstreamFor } from '../../downstream/descriptors';
import { resolveTask, type FinetuneConfig } from '../../config';
import type { Problem } from '../../schema';
import { UserError } from '../../errors/userError';
import { judgeLabelValues, noticeText, type LabelValues } from '../../volume';
import type { FileFacts } from './fileFacts';
import type { Source } from './sources';

/** Label maps that are read: reading one takes a second or so. */
const LOOKED_AT = 3;
const LARGEST = 200e6;

/** The first, the middle and the last label map, but none that is too large to be read beside typing. */
async function sample(sources: readonly Source[], facts: FileFacts): Promise<string[]> {
  const files = [...new Set(sources.flatMap(({ cases }) => cases).flatMap(({ item }) => item.label ?? []))];
  const chosen = new Set([0, Math.floor(files.length / 2), files.length - 1].slice(0, LOOKED_AT));
  const fitting: string[] = [];
  for (const [i, file] of files.entries()) {
    const looked = chosen.has(i) ? await facts.image(file) : undefined;
    if (!looked || 'problem' in looked) continue;
    const [x, y, z] = looked.facts.header.size;
    if (x * y * z <= LARGEST) fitting.push(file);
  }
  return fitting;
}

/** Whether the values of some label maps are those of the task's classes. */
export async function labelProblems(
  config: FinetuneConfig,
  sources: readonly Source[],
  facts: FileFacts,
): Promise<Problem[]> {
  const { classes, output, title } = resolveTask(config.task);
  if (!downstreamFor(output).labelMaps || classes.length === 0) return [];
  const { ignore } = config.task;
  const known = new Set([0, ...classes.flatMap(({ values }) => values), ...(ignore === null ? [] : [ignore])]);
  const seen = new Set<number>();
  const path = ['task', config.task.classes === null ? 'name' : 'classes'];
  const files = await sample(sources, facts);
  for (const file of files) {
    let found: LabelValues;
    try {
      found = await facts.labelValues(file);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return [{ path: sources[0]!.path, message: error.message, severity: 'error' }];
    }
    const allowed = { values: classes.flatMap((one) => one.values), ignore, unlisted: 'background' as const };
    const wrong = judgeLabelValues(found, allowed).find(({ severity }) => severity === 'error');
    if (wrong) return [{ path: sources[0]!.path, message: noticeText(file, wrong), severity: 'error' }];
    const values = [...found.counts.keys()].sort((a, b) => a - b);
    values.forEach((value) => seen.add(value));
    const strange = values.filter((value) => !known.has(value));
    if (strange.length === 0 || config.task.unlisted === 'background') continue;
    const shown = `${strange.slice(0, 8).join(', ')}${strange.length > 8 ? ', …' : ''}`;
    const message = `${file} has the label values ${shown}, which belong to no class of ${title}`;
    const fix = { title: 'Count other label values as background', path: ['task', 'unlisted'], value: 'background' };
    return [{ path, message, severity: 'error', fix }];
  }
  const absent = classes.filter(({ values }) => !values.some((value) => seen.has(value)));
  if (files.length === 0 || 2 * absent.length <= classes.length) return [];
  const names = absent.slice(0, 4).map(({ name }) => name);
  const message =
    `${absent.length} of the ${classes.length} classes of ${title} do not occur in the ${files.length} label maps that were read ` +
    `(${names.join(', ')}${absent.length > 4 ? ', …' : ''}): is this the right task?`;
  return [{ path, message, severity: 'warning' }];
}
