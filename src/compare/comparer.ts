import { resolve } from 'node:path';
import { UserError } from '../errors/userError';
import type { CompareCalls } from '../protocol/comparison';
import { Locator } from '../locate';
import type { Say } from '../train/types';
import { listCases } from './cases';
import { openCheckpoints, resolveFiles } from './checkpoints';
import { compareFeatures, DEFAULT_CROPS } from './features';
import { compareLocations } from './locations';
import { Segmentations } from './predictions';
import type { CallContext } from '../rpc';

const DEFAULT_POSITIONS = 96;

type Params<Name extends keyof CompareCalls> = CompareCalls[Name]['params'];
type Result<Name extends keyof CompareCalls> = Promise<CompareCalls[Name]['result']>;

/**
 * Puts networks to work for a comparison, on the device in use: one computation at a time, with one network in memory, of which
 * the last stays for the next question about it.
 */
export class Comparer {
  private readonly segmentations: Segmentations;
  private readonly locator: Locator;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly onWarning: Say) {
    this.segmentations = new Segmentations(onWarning);
    this.locator = new Locator(onWarning);
  }

  /** See {@link Segmentations.predict}. */
  predict({ file, image }: Params<'predict'>, watched: CallContext): Result<'predict'> {
    return this.inTurn(watched, async () => {
      this.locator.dispose();
      const [opened] = await openCheckpoints(await resolveFiles([file], 1));
      return this.segmentations.predict(opened!, absolute(image), watched);
    });
  }

  /** See {@link compareLocations}. */
  locate({ files, image, positions, seed }: Params<'locate'>, watched: CallContext): Result<'locate'> {
    return this.inTurn(watched, async () => {
      this.segmentations.dispose();
      const opened = await openCheckpoints(await resolveFiles(files, 1));
      const question = { image: absolute(image), positions: positions ?? DEFAULT_POSITIONS, seed: seed ?? 0 };
      return compareLocations(this.locator, opened, question, watched);
    });
  }

  /** See {@link compareFeatures}; without an image on the first case of {@link listCases}. */
  features({ files, image, branch, crops, seed }: Params<'features'>, watched: CallContext): Result<'features'> {
    return this.inTurn(watched, async () => {
      this.locator.dispose();
      this.segmentations.dispose();
      const opened = await openCheckpoints(await resolveFiles(files, 2), branch);
      const chosen = image ?? (await listCases(opened)).cases[0]?.image;
      if (!chosen) throw new UserError('the images of the checkpoints’ cases no longer exist; name an image');
      const question = { image: absolute(chosen), branch, crops: crops ?? DEFAULT_CROPS, seed: seed ?? 0 };
      return compareFeatures(opened, question, this.onWarning, watched);
    });
  }

  /** Lets go of the networks. */
  dispose(): void {
    this.locator.dispose();
    this.segmentations.dispose();
  }

  private inTurn<T>({ signal }: CallContext, work: () => Promise<T>): Promise<T> {
    const answer = this.last.then(() => {
      signal.throwIfAborted();
      return work();
    });
    this.last = answer.catch(() => undefined);
    return answer;
  }
}

/** @throws UserError for an image of no file */
function absolute(image: readonly string[]): string[] {
  if (image.length === 0) throw new UserError('name the image’s files');
  return image.map((file) => resolve(file));
}
