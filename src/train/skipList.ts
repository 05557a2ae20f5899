import { imageFiles, type Case } from '../data/datalist';
import { noneLeft } from '../data/noneLeft';
import { writeSkipped, type SkippedCase } from '../runs';
import type { RunRecorder } from './recorder';
import type { Say } from './types';

/** What a run does with a case that it cannot use. */
export type OnBadCase = 'stop' | 'skip';

/** What an error says besides: how a run goes on without bad cases. */
export const SKIP_ADVICE = 'set data.onBadCase to "skip" to train without such cases';

/** The cases that a run leaves out: those that were known before its first step, and those that turn out later. */
export class SkipList {
  private readonly images: Set<string>;
  private readonly cases: SkippedCase[];
  private where: { readonly runDir: string; readonly recorder: RunRecorder; readonly say: Say } | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    readonly onBadCase: OnBadCase,
    known: readonly SkippedCase[],
  ) {
    this.cases = [...known];
    this.images = new Set(known.map(({ image }) => image));
  }

  /** The cases that are left out, and why. */
  get all(): readonly SkippedCase[] {
    return this.cases;
  }

  get size(): number {
    return this.cases.length;
  }

  /** Whether a case is left out. */
  has(item: Pick<Case, 'image'>): boolean {
    return this.images.has(imageFiles(item)[0]!);
  }

  /** First image files of the cases that are left out. */
  get files(): ReadonlySet<string> {
    return this.images;
  }

  /** Writes what is known so far, and what comes from now on, into the run. */
  async open(runDir: string, recorder: RunRecorder, say: Say): Promise<void> {
    this.where = { runDir, recorder, say };
    if (this.cases.length === 0) return;
    await this.write();
  }

  /** Leaves a case out that turned out to be bad. */
  add(item: Case, part: SkippedCase['part'], reason: string): void {
    if (this.has(item)) return;
    const image = imageFiles(item)[0]!;
    this.images.add(image);
    this.cases.push({ id: item.id, image, part, reason });
    this.where?.say(`left out (data.onBadCase): ${reason}`);
    // What cannot be written now is written with the next case, or at the end.
    this.writing = this.writing.then(() => this.write()).catch(() => undefined);
  }

  /** Waits until all is written. */
  async close(): Promise<void> {
    await this.writing;
  }

  private async write(): Promise<void> {
    if (!this.where) return;
    const { runDir, recorder } = this.where;
    await writeSkipped(runDir, this.cases);
    await recorder.patch({ skipped: this.cases.length });
  }
}

/** Refuses a list of which nothing is left. @param first what is wrong with the first of them, a sentence that names its file */
export function refuseEmpty(cases: readonly Case[], skipped: SkipList, part: SkippedCase['part'], first: string): void {
  if (cases.length === 0 || cases.some((item) => !skipped.has(item))) return;
  throw noneLeft(part, cases.length, first);
}
