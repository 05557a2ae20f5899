import { Registry } from '../registry/registry';
import type { NetworkName, SectionOf } from './descriptors';
import { primusBuilder } from './primus/builder';
import { segresnetBuilder } from './segresnet/builder';
import { resencUnetBuilder } from './resenc-unet/builder';
import { swinUnetrBuilder } from './swin-unetr/builder';
import type { NetworkBuilder } from './types';
import { unet3dBuilder } from './unet3d/builder';

/** The heavy half of every network; the compiler refuses a descriptor without one, and one without a descriptor. */
const own = {
  'swin-unetr': swinUnetrBuilder,
  unet3d: unet3dBuilder,
  primus: primusBuilder,
  segresnet: segresnetBuilder,
  'resenc-unet': resencUnetBuilder,
} satisfies { [Name in NetworkName]: NetworkBuilder<SectionOf<Name>> };

export const networkBuilders = new Registry<NetworkBuilder>('network', own);
