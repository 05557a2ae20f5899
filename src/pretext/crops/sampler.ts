import type { CropTraits } from '../../data/channels';
import { imageFiles, type Case } from '../../data/datalist';
import type { PreparedVolume } from '../../data/regionMasks';
import { VolumeStore } from '../../data/volumeStore';
import { mapAxes, voxelCount, type Vec3 } from '../../geometry';
import type { Batch, Draw, Sampler } from '../../tasks';
import { floats, requireSameChannels } from '../batches';
import { drawOf, type CropRow, type CropSample, type MakeSample } from './sample';
import type { CropMethod, CropSettings } from './settings';

/** The rows of a step, ready for the network. */
export interface CropBatch extends Batch {
  readonly rows: number;
  /** Size of a row. */
  readonly shape: Vec3;
  readonly channels: number;
  /** `[rows, …shape, C]`, channels last. */
  readonly inputs: Float32Array;
  /** `[rows, …shape, C]`; empty for tasks without an image to restore. */
  readonly targets: Float32Array;
  /** `[rows, …shape]`: 1 where the loss looks; empty where it looks at all voxels. */
  readonly masks: Uint8Array;
  /** `[rows, …shape]`: 0 where the loss never looks, since an anonymisation removed something; empty where none did. */
  readonly kept: Uint8Array;
  /** `[rows, n]`: classes of the rows, or of their voxels; empty for tasks without classes. */
  readonly labels: Uint8Array;
  /** Centres of the rows in voxels of the preprocessed volume, `[rows, 3]`. */
  readonly centres: Float64Array;
}

type Item = Pick<Case, 'image' | 'missing' | 'regionMasks'>;

/**
 * A batch of the rows of `samples`, which are all alike.
 *
 * @param cases names of their volumes' files
 */
export function batchOf(
  samples: readonly CropSample[],
  cases: readonly string[] = [],
  reuse?: readonly ArrayBuffer[],
): CropBatch {
  const rows = samples.flatMap((sample) => sample.rows);
  const [first] = rows as [CropRow, ...CropRow[]];
  const size = samples[0]!.rowSize ?? samples[0]!.box.size;
  const batch = {
    cases,
    rows: rows.length,
    shape: size,
    channels: first.input.length / voxelCount(size),
    inputs: floats(rows.length * first.input.length, reuse?.[0]),
    targets: floats(rows.length * (first.target?.length ?? 0), reuse?.[1]),
    masks: new Uint8Array(rows.length * (first.mask?.length ?? 0)),
    // Cases without a mask lie beside those with one: nothing of theirs is left out.
    kept: new Uint8Array(rows.length * (rows.find(({ kept }) => kept)?.kept!.length ?? 0)).fill(1),
    labels: new Uint8Array(rows.length * (first.labels?.length ?? 0)),
    centres: new Float64Array(rows.length * 3),
  } satisfies CropBatch;
  fill(batch, samples);
  return batch;
}

function fill(batch: CropBatch, samples: readonly CropSample[]): void {
  let row = 0;
  for (const { rows, box } of samples)
    for (const { input, target, mask, kept, labels } of rows) {
      batch.inputs.set(input, row * input.length);
      if (target) batch.targets.set(target, row * target.length);
      if (mask) batch.masks.set(mask, row * mask.length);
      if (kept) batch.kept.set(kept, row * kept.length);
      if (labels) batch.labels.set(labels, row * labels.length);
      batch.centres.set(
        mapAxes((axis) => box.start[axis] + box.size[axis] / 2),
        row * 3,
      );
      row += 1;
    }
}

async function loadAll(
  draws: readonly Draw<Item>[],
  store: VolumeStore,
  traits: CropTraits,
): Promise<PreparedVolume[]> {
  const volumes: PreparedVolume[] = [];
  for (const draw of draws) {
    const volume = await store.load(draw);
    const [first = volume] = volumes;
    requireSameChannels(volume, draw, { item: draws[0]!, channels: first.shape[0] }, traits);
    volumes.push(volume);
  }
  return volumes;
}

/** The sampler of a task that draws crops: loads the volumes of a batch and lets the task make its rows of each crop. */
export function cropSampler<Method extends CropMethod>(
  make: MakeSample<Method>,
): Sampler<CropSettings<Method>, Item, CropBatch> {
  return {
    open({ method, store: settings, ...traits }, onWarning) {
      const store = new VolumeStore(settings, onWarning);
      return {
        async make(draws, reuse) {
          const volumes = await loadAll(draws, store, traits);
          const samples = draws.flatMap(({ stream, augment }, v) => {
            const others = volumes.filter((_, other) => other !== v);
            return Array.from({ length: method.perVolume }, (_, number) =>
              make(drawOf({ volume: volumes[v]!, others, stream, number, augment }, traits), method),
            );
          });
          return batchOf(
            samples,
            draws.map((draw) => imageFiles(draw)[0]!),
            reuse,
          );
        },
      };
    },
    transferables: ({ inputs, targets, masks, kept, labels, centres }) =>
      [inputs, targets, masks, kept, labels, centres].map(({ buffer }) => buffer as ArrayBuffer),
    memory: ({ inputs, targets }) => [inputs, targets].map(({ buffer }) => buffer as ArrayBuffer),
  };
}

/** Rows of noise, for timing a step. */
export function noiseRows(shape: Vec3, channels: number, rows: number): Pick<CropBatch, 'inputs'> & CropBatch {
  const length = rows * voxelCount(shape) * channels;
  // Any numbers do, as long as none is subnormal.
  const inputs = Float32Array.from({ length }, (_, i) => ((i * 7919) % 1000) / 1000);
  return {
    cases: ['trial'],
    rows,
    shape,
    channels,
    inputs,
    targets: new Float32Array(0),
    masks: new Uint8Array(0),
    kept: new Uint8Array(0),
    labels: new Uint8Array(0),
    centres: new Float64Array(3 * rows),
  };
}
