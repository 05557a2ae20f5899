import { NO_AUGMENTATION, sampleCrop } from '../../../../src/data/augment';
import { imageFiles } from '../../../../src/data/datalist';
import { VolumeStore, type StoreSettings } from '../../../../src/data/volumeStore';
import { mapAxes, voxelCount, type Box, type Vec3 } from '../../../../src/geometry';
import { RandomStream } from '../../../../src/random/random';
import type { Batch, Draw, Sampler } from '../../../../src/tasks';
import type { Volume } from '../../../../src/volume';
import type { BrightnessMethod } from './descriptor';

export interface BrightnessBatch extends Batch {
  readonly shape: Vec3;
  /** `[cases · perVolume, …shape]` */
  readonly patches: Float32Array;
  /** What was added to each. */
  readonly shifts: Float32Array;
}

export type BrightnessSettings = Omit<BrightnessMethod, 'name'> & { readonly store: StoreSettings };

type Item = { readonly image: string | readonly string[] };

/** Where a patch lies, and what is added to it. */
export function drawPatch(
  volume: Volume,
  method: Omit<BrightnessMethod, 'name'>,
  stream: readonly number[],
  r: number,
) {
  const random = new RandomStream(...stream, r);
  const size = method.patch;
  const start = mapAxes((axis) => random.integer(0, Math.max(1, volume.shape[axis + 1]! - size[axis] + 1)));
  const box: Box = { start, size };
  return { box, shift: random.range(0, method.strongest) };
}

async function make(draws: readonly Draw<Item>[], store: VolumeStore, settings: BrightnessSettings) {
  const length = voxelCount(settings.patch);
  const rows = draws.length * settings.perVolume;
  const batch = {
    cases: draws.map((draw) => imageFiles(draw)[0]!),
    shape: settings.patch,
    patches: new Float32Array(rows * length),
    shifts: new Float32Array(rows),
  };
  for (const [v, draw] of draws.entries()) {
    const volume = await store.load(draw);
    for (let r = 0; r < settings.perVolume; r++) {
      const row = v * settings.perVolume + r;
      const { box, shift } = drawPatch(volume, settings, draw.stream, r);
      const shown = { ...NO_AUGMENTATION, shift };
      sampleCrop(volume, box.start, box.size, settings.patch, shown, batch.patches, row * length);
      batch.shifts[row] = shift;
    }
  }
  return batch;
}

export const brightnessSampler: Sampler<BrightnessSettings, Item, BrightnessBatch> = {
  open(settings, onWarning) {
    const store = new VolumeStore(settings.store, onWarning);
    return { make: (draws) => make(draws, store, settings) };
  },
  transferables: ({ patches, shifts }) => [patches, shifts].map(({ buffer }) => buffer as ArrayBuffer),
  memory: () => [],
};
