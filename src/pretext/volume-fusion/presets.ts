import { demoPreset, nnsslData, nnsslTraining, smallPreset } from '../crops/presets';
import type { PretextPreset } from '../../tasks/descriptor';
import { nnsslIntensity } from '../crops/schema';

/** The figures of nnssl's `VolumeFusionTrainer`, and smaller ones. */
export const volumeFusionPresets = {
  'volume-fusion': {
    size: 'full',
    description: 'Volume Fusion as in nnssl: crops of 160³ at 1 mm, 250,000 steps',
    config: {
      name: 'volume-fusion',
      method: {
        name: 'volume-fusion',
        crop: [160, 160, 160],
        augment: { intensity: { ...nnsslIntensity, lowResolution: 0.25 } },
      },
      ...nnsslTraining,
    },
    data: nnsslData,
  },
  'volume-fusion-small': smallPreset({
    name: 'volume-fusion-small',
    description: 'Volume Fusion on a small machine: crops of 64³, 20,000 steps',
    method: { name: 'volume-fusion' },
  }),
  'volume-fusion-demo': demoPreset({
    name: 'volume-fusion-demo',
    description: 'Volume Fusion on synthetic abdomens (voco phantom): a few minutes on two cores',
    method: { name: 'volume-fusion', crop: [32, 32, 32], perVolume: 4 },
  }),
} as const satisfies Record<string, PretextPreset>;
