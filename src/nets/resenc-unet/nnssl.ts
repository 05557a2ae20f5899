import type { NnsslArchitecture } from '../descriptor';
import { stagesOf, stepsOf, type ResEncLists } from './topology';

interface Lists extends ResEncLists {
  readonly convBias: boolean;
}

/** nnssl's arrays are z, y, x. */
const reversed = (along: readonly number[]): number[] => [...along].reverse();

/** The arguments of dynamic-network-architectures' ResidualEncoderUNet, as nnssl's `DynamicArchitecturePlans` lists them. */
function argumentsOf(section: Lists): Record<string, unknown> {
  const stages = stagesOf(section);
  return {
    n_stages: section.stages,
    features_per_stage: stages.map(({ channels }) => channels),
    conv_op: 'torch.nn.modules.conv.Conv3d',
    kernel_sizes: stages.map(({ kernel }) => reversed(kernel)),
    strides: stages.map(({ stride }) => reversed(stride)),
    n_blocks_per_stage: stages.map(({ blocks }) => blocks),
    n_conv_per_stage_decoder: stepsOf(section).map(({ convs }) => convs),
    conv_bias: section.convBias,
    norm_op: 'torch.nn.modules.instancenorm.InstanceNorm3d',
    norm_op_kwargs: { eps: 1e-5, affine: true },
    dropout_op: null,
    dropout_op_kwargs: null,
    nonlin: 'torch.nn.modules.activation.LeakyReLU',
    nonlin_kwargs: { inplace: true },
  };
}

/** The sizes that nnssl calls ResEncL (architectures/architecture_registry.py). */
const RESENC_L: Lists = {
  stages: 6,
  features: [32, 64, 128, 256, 320],
  blocks: [1, 3, 4, 6],
  kernels: [[3, 3, 3]],
  strides: [[1, 1, 1], [2, 2, 2]],
  decoderConvs: [1],
  convBias: true,
}; // prettier-ignore

/** What nnssl and nnU-Net call such a network. */
export function nnsslOf(section: Lists): NnsslArchitecture {
  const kwargs = argumentsOf(section);
  const named = JSON.stringify(kwargs) === JSON.stringify(argumentsOf(RESENC_L));
  return {
    ...(named
      ? { name: 'ResEncL', kwargs: null, imports: null }
      : { name: 'ResidualEncoderUNet', kwargs, imports: ['conv_op', 'norm_op', 'nonlin'] }),
    encoder: 'encoder.stages',
    stem: 'encoder.stem',
    inputs: ['encoder.stem.convs.0.conv', 'encoder.stem.convs.0.all_modules.0'],
    positions: null,
  };
}
