import { resolve } from 'node:path';
import { imageFiles, type Case } from '../data/datalist';
import { UserError } from '../errors/userError';
import { meanScore } from '../metrics';
import type { CaseOfCheckpoint, ComparedCase, ComparedCases } from '../protocol/comparison';
import type { CaseResult } from '../runs';
import { taskOf } from '../catalog';
import type { OpenedCheckpoint } from './checkpoints';
import { evaluationsOf, type Evaluation } from './evaluations';
import { findPrediction } from './predictions';
import { exists } from '../files/kinds';
import { counted } from '../text';

/** Longer lists are cut: those of a pre-training can have a hundred thousand. */
const MOST_CASES = 1000;
const ORIGINS = ['evaluated', 'validation', 'train'] as const;

type Origin = ComparedCase['origin'];
type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
type Draft = Writable<Omit<ComparedCase, 'checkpoints'>> & { readonly checkpoints: Writable<CaseOfCheckpoint>[] };

/** Cases by their first image file. */
class CaseList {
  private readonly drafts = new Map<string, Draft>();

  constructor(private readonly checkpoints: number) {}

  add(item: Pick<Case, 'id' | 'image' | 'label'>, origin: Origin): Draft {
    const image = imageFiles(item).map((file) => resolve(file));
    let draft = this.drafts.get(image[0]!);
    if (!draft) {
      const checkpoints = Array.from({ length: this.checkpoints }, () => ({}));
      draft = { id: item.id, image, origin, checkpoints };
      this.drafts.set(image[0]!, draft);
    }
    // Results name the first file of several channels only.
    if (image.length > draft.image.length) draft.image = image;
    if (ORIGINS.indexOf(origin) < ORIGINS.indexOf(draft.origin)) draft.origin = origin;
    if (item.label !== undefined) draft.label ??= resolve(item.label);
    return draft;
  }

  /** In the order of their origins, as they came. */
  sorted(): Draft[] {
    const all = [...this.drafts.values()];
    return ORIGINS.flatMap((origin) => all.filter((draft) => draft.origin === origin));
  }
}

function addEvaluated(list: CaseList, { results }: Evaluation, position: number): void {
  const add = ({ case: id, image, label }: Pick<CaseResult, 'case' | 'image' | 'label'>): Writable<CaseOfCheckpoint> =>
    list.add({ id, image, ...(label !== undefined && { label }) }, 'evaluated').checkpoints[position]!;
  for (const item of results.classification ?? []) add(item);
  for (const item of results.cases) {
    const entry = add(item);
    if (item.labelOnImageGrid) list.add({ id: item.case, image: item.image }, 'evaluated').labelOnImageGrid = true;
    const dice = meanScore(
      item.classes.map(({ scores }) => scores.dice ?? NaN).filter((value) => !Number.isNaN(value)),
    );
    entry.scores = item.classes;
    if (!Number.isNaN(dice)) entry.dice = dice;
  }
}

async function addConfigured(list: CaseList, { file, config }: OpenedCheckpoint, position: number): Promise<string[]> {
  if (!config) return [];
  try {
    const found = await (await taskOf(config)).findCases(config);
    for (const split of ['validation', 'train'] as const)
      for (const item of found[split]) list.add(item, split).checkpoints[position]!.split = split;
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [`The cases of ${file} are not listed: ${error.message}`];
  }
}

/** Gives every case another name than those before it. */
function makeUnique(drafts: readonly Draft[]): void {
  const seen = new Map<string, number>();
  for (const draft of drafts) {
    const before = seen.get(draft.id) ?? 0;
    seen.set(draft.id, before + 1);
    if (before > 0) draft.id = `${draft.id} (${before + 1})`;
  }
}

/** Those whose images are there, with a sentence on the others. */
async function withImages(drafts: readonly Draft[]): Promise<{ cases: Draft[]; problems: string[] }> {
  const here = await Promise.all(drafts.map(({ image }) => exists(image[0]!)));
  const gone = drafts.filter((_, i) => !here[i]);
  const cases = drafts.filter((_, i) => here[i]);
  if (gone.length === 0) return { cases, problems: [] };
  return {
    cases,
    problems: [`The images of ${counted(gone.length, 'case')} no longer exist, such as ${gone[0]!.image[0]}.`],
  };
}

/**
 * The images that checkpoints can be looked at on: those that one was evaluated on, and those of their configs, with what is
 * known of each. What cannot be listed is told in a sentence.
 */
export async function listCases(opened: readonly OpenedCheckpoint[]): Promise<ComparedCases> {
  const list = new CaseList(opened.length);
  const evaluations = await Promise.all(opened.map(({ checkpoint }) => evaluationsOf(checkpoint)));
  evaluations.forEach(([newest], i) => newest && addEvaluated(list, newest, i));
  const problems: string[] = [];
  for (const [i, one] of opened.entries()) problems.push(...(await addConfigured(list, one, i)));
  const all = list.sorted();
  const { cases, problems: gone } = await withImages(all.slice(0, MOST_CASES));
  makeUnique(cases);
  for (const draft of cases)
    for (const [i, one] of opened.entries()) {
      const found = await findPrediction(one, evaluations[i]!, draft.image).catch(() => undefined);
      if (found) draft.checkpoints[i]!.prediction = found;
    }
  return { cases, omitted: Math.max(0, all.length - MOST_CASES), problems: [...problems, ...gone] };
}
