import type { RandomStream } from '../../random/random';
import type { IntensitySettings } from './intensity';

/** VoCo's augmentations of a crop, as in the config (`method.augment`). */
export interface AugmentSettings {
  /** Probability of a flip, for each axis on its own. */
  readonly flip: number;
  /** Probability of a rotation by 90, 180 or 270 degrees in the plane of x and y. */
  readonly rotate90: number;
  /** Adds one number from −offset..offset to all voxels, with a probability. */
  readonly shiftIntensity: { readonly prob: number; readonly offset: number };
}

/** What happens to one crop, in this order: flips, quarter turns from x towards y, intensity shift, other changes of intensity. */
export interface Augmentation {
  readonly flip: readonly [boolean, boolean, boolean];
  readonly quarterTurns: number;
  readonly shift: number;
  /** Changes of intensity, with the path of their random streams. */
  readonly intensity?: {
    readonly settings: IntensitySettings;
    readonly stream: readonly number[];
    /** Voxels of exactly 0 are background, and stay so. */
    readonly keepZero?: boolean;
  };
}

export const NO_AUGMENTATION: Augmentation = { flip: [false, false, false], quarterTurns: 0, shift: 0 };

/**
 * Draws the augmentation of one crop (VoCo: MONAI RandFlip per axis, RandRotate90 with 1 to 3 turns, RandShiftIntensity). The
 * same numbers are drawn whatever the settings, so that switching one augmentation leaves the others as they were.
 *
 * @param square whether crops are as long along x as along y; otherwise only half turns keep their shape
 */
export function drawAugmentation(random: RandomStream, settings: AugmentSettings, square: boolean): Augmentation {
  const flips = [random.uniform(), random.uniform(), random.uniform()].map((draw) => draw < settings.flip);
  const turn = random.uniform() < settings.rotate90;
  const turns = random.integer(1, 4);
  const shift = random.uniform() < settings.shiftIntensity.prob;
  const offset = random.range(-1, 1) * settings.shiftIntensity.offset;
  return {
    flip: [flips[0]!, flips[1]!, flips[2]!],
    quarterTurns: turn ? (square ? turns : 2) : 0,
    shift: shift ? offset : 0,
  };
}
