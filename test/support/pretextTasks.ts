import type { PretextName } from '../../src/pretext/descriptors';
import type { NetworkName } from '../../src/nets/descriptors';

/** One pretext task on a small scale, for the tests that every task must pass. */
export interface SmallTask {
  /** The section `method`, of crops that take some 50 ms a step. */
  readonly method: { readonly name: string; readonly [key: string]: unknown };
  /** Networks that learn it here. */
  readonly networks: readonly NetworkName[];
  /** Its checkpoints hold a decoder. */
  readonly decoder: boolean;
  /** A key of the section, a bad value of it, and what the line must say. */
  readonly bad: readonly (readonly [key: string, value: unknown, line: RegExp])[];
}

const both: readonly NetworkName[] = ['unet3d', 'swin-unetr'];
/** Swin-UNETR wants more than 32 voxels along one axis. */
const crop = [32, 32, 64];

/** All tasks but VoCo, which has tests of its own: one line a task. The compiler refuses a task without one. */
export const smallTasks: Readonly<Record<Exclude<PretextName, 'voco'>, SmallTask>> = {
  mae: {
    method: { name: 'mae', crop, block: 8, perVolume: 2 },
    networks: both,
    decoder: true,
    bad: [
      ['block', 12, /^method\.block: blocks of 12 voxels do not tile crops of 32×32×64/],
      ['crop', [8, 8, 8], /^method\.block: one block of 8 voxels is the whole crop/],
      ['ratio', 1, /^method\.ratio: must be (less than|below) 1/],
      ['ratio', 0, /^method\.ratio: must be (greater than|above|more than) 0/],
      ['perVolume', 0, /^method\.perVolume: must be 1 or more/],
      ['crop', [32, 32, 30], /^method\.crop: every axis must be a multiple of/],
    ],
  },
};
