import { demoPreset, nnsslData, nnsslTraining, smallPreset } from '../crops/presets';
import type { PretextPreset } from '../../tasks/descriptor';

/** The figures of nnssl's `BaseVariableSparkMAETrainer`, and smaller ones. */
export const sparkPresets = {
  spark: {
    size: 'full',
    description: 'S3D as in nnssl: cubes of 16³ in crops of 160³ at 1 mm, 60 to 90 % hidden, 250,000 steps',
    config: {
      name: 'spark',
      method: {
        name: 'spark',
        crop: [160, 160, 160],
        ratio: [0.6, 0.9],
        augment: { rotate: { prob: 0.2 }, zoom: { prob: 0.2 } },
      },
      ...nnsslTraining,
    },
    data: nnsslData,
  },
  'spark-small': smallPreset({
    name: 'spark-small',
    description: 'SparK on a small machine: cubes of 16³ in crops of 64³, half the feature size, 20,000 steps',
    method: { name: 'spark' },
    preprocess: { intensity: { kind: 'zscore' } },
  }),
  'spark-demo': demoPreset({
    name: 'spark-demo',
    description: 'SparK on synthetic abdomens (voco phantom): a few minutes on two cores',
    method: { name: 'spark', crop: [32, 32, 32], block: 8, perVolume: 4 },
    preprocess: { intensity: { kind: 'zscore' } },
  }),
} as const satisfies Record<string, PretextPreset>;
