import type { PretextDescriptor, PretextPreset } from '../../tasks/descriptor';

/** How volumes of MRI are scaled and cut: z-scores of the voxels that are not 0, whose background stays 0, and a cut to these. */
export const mriScaling = {
  intensity: { kind: 'zscore', nonzero: true },
  foreground: { threshold: 'nonzero' },
} as const;

const preprocess = { spacing: [1, 1, 1], ...mriScaling, resize: null } as const;

/** Tasks that lay a grid on volumes lay one of fixed places: fields of view of MRI differ. Together the places are as large as a brain. */
const places = { grid: [2, 3, 2], cropMm: [64, 64, 64] } as const;

/** What the field of a coil and the contrast of a sequence change. */
const intensity = { gamma: 0.3, biasField: 0.3 } as const;

type Section = Readonly<Record<string, unknown>>;

/** A task's preset for a small machine, for MRI. */
function forMri({ name, schema }: PretextDescriptor, from: string, small: PretextPreset): PretextPreset {
  const method = (small.config.method ?? {}) as Section & { readonly augment?: Section & { intensity?: Section } };
  const augment = { ...method.augment, intensity: { ...intensity, ...method.augment?.intensity } };
  const config = {
    ...small.config,
    name: `${name}-mri`,
    method: { ...method, ...('cropMm' in schema.properties && places), augment },
  };
  return {
    ...small,
    description: `MRI: the preset ${from} at 1 mm with z-scores, one of the sequences for each crop, bias field and gamma`,
    config: config as PretextPreset['config'],
    data: { ...small.data, channel: 'random', preprocess },
  };
}

/** A preset for MRI of each pretext task that has one for a small machine: `mae-mri`. */
export function mriPresets(tasks: readonly PretextDescriptor[]): Record<string, PretextPreset> {
  return Object.fromEntries(
    tasks.flatMap((task) => {
      const small = Object.entries(task.presets).find(([, { size }]) => size === 'small');
      return small ? [[`${task.name}-mri`, forMri(task, small[0], small[1])] as const] : [];
    }),
  );
}
