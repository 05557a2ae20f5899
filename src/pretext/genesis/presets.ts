import { demoPreset, nnsslData, nnsslTraining, smallPreset } from '../crops/presets';
import type { PretextPreset } from '../../tasks/descriptor';

/** The figures of nnssl's `ModelGenesisTrainer`, and smaller ones. */
export const genesisPresets = {
  genesis: {
    size: 'full',
    description: 'Models Genesis as in nnssl: crops of 160³ at 1 mm, 250,000 steps',
    config: {
      name: 'genesis',
      method: { name: 'genesis', crop: [160, 160, 160] },
      ...nnsslTraining,
    },
    data: nnsslData,
  },
  'genesis-small': smallPreset({
    name: 'genesis-small',
    description: 'Models Genesis on a small machine: crops of 64³, 20,000 steps',
    method: { name: 'genesis' },
  }),
  'genesis-demo': demoPreset({
    name: 'genesis-demo',
    description: 'Models Genesis on synthetic abdomens (voco phantom): a few minutes on two cores',
    method: { name: 'genesis', crop: [32, 32, 32], perVolume: 4 },
  }),
} as const satisfies Record<string, PretextPreset>;
