import { sizesOf, type CropSizes } from '../catalog/cropSizes';
import type { Config } from '../config';
import { mapAxes, type Vec3 } from '../geometry';
import type { NnsslArchitecture } from '../nets/descriptor';
import type { TorchValue } from '../runs/export';
import { valueText } from '../text';

/** How the images of a training were prepared, in nnssl's words; sizes along our axes. */
export interface NnsslData {
  readonly dataset: string;
  readonly channels: number;
  readonly patch: Vec3;
  readonly spacing: Vec3 | null;
  readonly scheme: string;
  readonly masked: boolean;
  /** What its plan cannot say. */
  readonly notes: readonly string[];
}

type Intensity = Config['data']['preprocess']['intensity'];

const zeroToOne = (to: readonly number[]): boolean => to[0] === 0 && to[1] === 1;

/** nnssl's scheme of normalisation for a section `data.preprocess.intensity`; undefined where it has none. */
function schemeOf(intensity: Intensity): Pick<NnsslData, 'scheme' | 'masked'> | undefined {
  if (intensity === null) return { scheme: 'NoNormalization', masked: false };
  if (intensity.kind === 'zscore') return { scheme: 'ZScoreNormalization', masked: intensity.nonzero };
  if (intensity.kind === 'percentile' && intensity.low === 0 && intensity.high === 100 && zeroToOne(intensity.to))
    return { scheme: 'RescaleTo01', masked: intensity.nonzero };
  if (intensity.kind === 'window' && intensity.low === 0 && intensity.high === 255 && zeroToOne(intensity.to))
    return { scheme: 'RGBTo01', masked: false };
  return undefined;
}

/** The spacing that the network sees: crops may be resized for it. null: it differs between images. */
function spacingOf({ data }: Config, { crop, input }: CropSizes): Vec3 | null {
  const { spacing, resize } = data.preprocess;
  if (spacing === null || resize !== null) return null;
  return mapAxes((axis) => (spacing[axis] * crop[axis]) / input[axis]);
}

/** What a config says of its images, and what of it nnssl's plan cannot say. */
export function nnsslDataOf(config: Config): NnsslData {
  const { preprocess } = config.data;
  const sizes = sizesOf(config);
  const scheme = schemeOf(preprocess.intensity);
  const notes: string[] = [];
  if (!scheme)
    notes.push(
      `nnssl has no scheme for data.preprocess.intensity ${valueText(preprocess.intensity)}: its plan says NoNormalization`,
    );
  if (scheme?.scheme !== 'ZScoreNormalization')
    notes.push('nnU-Net’s fine-tuning takes z-scores of every channel, which these weights have not seen');
  if (preprocess.resize !== null)
    notes.push(
      `images were resized to ${preprocess.resize.join('×')} voxels, so that their spacing differs: the plan has none`,
    );
  if (preprocess.orientation !== null)
    notes.push(`images were turned to ${preprocess.orientation}; nnU-Net takes them as they are stored`);
  return {
    dataset: config.name,
    channels: config.network.inChannels,
    patch: sizes.input,
    spacing: spacingOf(config, sizes),
    ...(scheme ?? { scheme: 'NoNormalization', masked: false }),
    notes,
  };
}

/** Along the axes z, y, x of nnssl's arrays. */
const reversed = (along: Vec3): number[] => [...along].reverse();

/** The name of nnssl's configuration for a spacing; "median" is the one that resamples to what the plan says. */
function styleOf(spacing: Vec3 | null): string {
  if (spacing === null) return 'noresample';
  return spacing.every((edge) => edge === 1) ? 'onemmiso' : 'median';
}

const resampling = (isLabel: boolean): { readonly [key: string]: TorchValue } => ({
  is_seg: isLabel,
  order: isLabel ? 1 : 3,
  order_z: 0,
  force_separate_z: null,
});

function configurationOf({ channels, patch, spacing, scheme, masked }: NnsslData): Record<string, TorchValue> {
  const style = styleOf(spacing);
  return {
    data_identifier: `nnsslPlans_${style}`,
    preprocessor_name: 'DefaultPreprocessor',
    spacing_style: style,
    normalization_schemes: Array.from({ length: channels }, () => scheme),
    use_mask_for_norm: Array.from({ length: channels }, () => masked),
    resampling_fn_data: 'resample_data_or_seg_to_shape',
    resampling_fn_data_kwargs: resampling(false),
    resampling_fn_mask: 'resample_data_or_seg_to_shape',
    resampling_fn_mask_kwargs: resampling(true),
    spacing: spacing && reversed(spacing),
    patch_size: reversed(patch),
  };
}

/** What of the plan names tensors of the network. */
export function architectureKeys(architecture: NnsslArchitecture): Record<string, TorchValue> {
  const { name, kwargs, imports, encoder, stem, inputs, positions } = architecture;
  return {
    architecture_plans: {
      arch_class_name: name,
      arch_kwargs: kwargs as TorchValue,
      arch_kwargs_requiring_import: imports,
    },
    key_to_encoder: encoder,
    key_to_stem: stem,
    keys_to_in_proj: inputs,
    key_to_lpe: positions,
  };
}

/**
 * The plan that nnssl's `AdaptationPlan.serialize` gives for such a training, with one configuration
 * (nnssl, adaptation_planning/adaptation_plan.py and experiment_planning/experiment_planners/plan.py).
 */
export function adaptationPlan(architecture: NnsslArchitecture, data: NnsslData): Record<string, TorchValue> {
  return {
    ...architectureKeys(architecture),
    pretrain_plan: {
      dataset_name: data.dataset,
      plans_name: 'nnsslPlans',
      // Of the images before resampling, which nobody measured.
      original_median_spacing_after_transp: reversed(data.spacing ?? [1, 1, 1]),
      image_reader_writer: 'SimpleITKIO',
      transpose_forward: [0, 1, 2],
      transpose_backward: [0, 1, 2],
      configurations: { [styleOf(data.spacing)]: configurationOf(data) },
      experiment_planner_used: 'ExperimentPlanner',
    },
    pretrain_num_input_channels: data.channels,
    recommended_downstream_patchsize: reversed(data.patch),
  };
}
