import { Registry } from '../registry/registry';
import type { PretextDescriptor } from '../tasks/descriptor';
import { genesisDescriptor } from './genesis/descriptor';
import { jigsawDescriptor } from './jigsaw/descriptor';
import { maeDescriptor } from './mae/descriptor';
import { positionDescriptor } from './position/descriptor';
import { rotateRestoreDescriptor } from './rotate-restore/descriptor';
import { rotationDescriptor } from './rotation/descriptor';
import { simclrDescriptor } from './simclr/descriptor';
import { volumeFusionDescriptor } from './volume-fusion/descriptor';
import { sparkDescriptor } from './spark/descriptor';
import { simmimDescriptor } from './simmim/descriptor';
import { swinSslDescriptor } from './swin-ssl/descriptor';
import { vocoDescriptor } from './voco/descriptor';

/** The light halves of the pretext tasks: one line a task (its heavy half stands in tasks.ts). The first is the default. */
const own = {
  voco: vocoDescriptor,
  position: positionDescriptor,
  mae: maeDescriptor,
  genesis: genesisDescriptor,
  'volume-fusion': volumeFusionDescriptor,
  rotation: rotationDescriptor,
  'rotate-restore': rotateRestoreDescriptor,
  jigsaw: jigsawDescriptor,
  simclr: simclrDescriptor,
  spark: sparkDescriptor,
  simmim: simmimDescriptor,
  'swin-ssl': swinSslDescriptor,
} as const;

export type PretextName = keyof typeof own;

/** The schemas of our tasks' sections `method`. */
export type OwnMethodSchema = (typeof own)[PretextName]['schema'];

/** The presets of all our tasks. */
export type OwnPresetName = { [Name in PretextName]: keyof (typeof own)[Name]['presets'] }[PretextName];

export const pretextDescriptors = new Registry<PretextDescriptor>('pretext task', own);

/** The descriptor of a `method` section's task. @throws UserError where there is none of that name */
export const pretextOf = (method: { readonly name: string }): PretextDescriptor => pretextDescriptors.get(method.name);

/** The descriptor of a pre-training config's task, where it is one that there is. */
export function pretextOfConfig(config: unknown): PretextDescriptor | undefined {
  const { method } = (config ?? {}) as { method?: { name?: unknown } };
  return pretextDescriptors.all.find(({ name }) => name === method?.name);
}
