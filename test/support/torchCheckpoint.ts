/** Files of torch.save with numbers of their own in every tensor, as trainings of others save them. */
import { TorchStateDict, writeTorchFile, type TorchValue } from '../../src/runs/export/torchFile';
import type { SourceTensor } from '../../src/runs/import';
import { elementCount } from '../../src/geometry';

export { TorchStateDict, type TorchValue };

export interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A tensor of float32. */
export function tensorOf(shape: readonly number[], values: ArrayLike<number>): SourceTensor {
  const data = Float32Array.from(values);
  return { name: '', dtype: 'F32', shape, read: () => Promise.resolve(new Uint8Array(data.buffer)) };
}

/** Every number is another: where it stands in its tensor, and which tensor it is. */
export const counted = ({ shape }: NamedShape, at: number): SourceTensor =>
  tensorOf(
    shape,
    Array.from({ length: elementCount(shape) }, (_, i) => at + i / elementCount(shape)),
  );

/** A state dict of such tensors. */
export const stateOf = (list: readonly NamedShape[]): TorchStateDict =>
  new TorchStateDict(list.map((one, at) => ({ name: one.name, tensor: counted(one, at) })));

export const saveTorch = (file: string, value: TorchValue): Promise<void> => writeTorchFile(file, value);

/** The plan of a pre-training with nnssl, as its `AdaptationPlan.serialize` gives it. */
export function nnsslPlan(
  changes: { plan?: Record<string, TorchValue>; configuration?: Record<string, TorchValue> } & Record<
    string,
    unknown
  > = {},
): Record<string, TorchValue> {
  const { plan, configuration, ...rest } = changes;
  return {
    architecture_plans: { arch_class_name: 'ResEncL', arch_kwargs: null, arch_kwargs_requiring_import: null },
    pretrain_plan: {
      dataset_name: 'Dataset745_OpenMind',
      plans_name: 'nnsslPlans',
      original_median_spacing_after_transp: [1, 0.9375, 0.9375],
      image_reader_writer: 'SimpleITKIO',
      transpose_forward: [0, 1, 2],
      transpose_backward: [0, 1, 2],
      configurations: {
        onemmiso: {
          data_identifier: 'nnsslPlans_onemmiso',
          preprocessor_name: 'DefaultPreprocessor',
          spacing_style: 'onemmiso',
          normalization_schemes: ['ZScoreNormalization'],
          use_mask_for_norm: [false],
          resampling_fn_data: 'resample_data_or_seg_to_shape',
          resampling_fn_data_kwargs: { is_seg: false, order: 3, order_z: 0, force_separate_z: null },
          resampling_fn_mask: 'resample_data_or_seg_to_shape',
          resampling_fn_mask_kwargs: { is_seg: true, order: 1, order_z: 0, force_separate_z: null },
          spacing: [1, 1, 1],
          patch_size: [160, 160, 160],
          ...configuration,
        },
      },
      experiment_planner_used: 'ExperimentPlanner',
      ...plan,
    },
    pretrain_num_input_channels: 1,
    recommended_downstream_patchsize: [160, 160, 160],
    key_to_encoder: 'encoder.stages',
    key_to_stem: 'encoder.stem',
    keys_to_in_proj: ['encoder.stem.convs.0.conv', 'encoder.stem.convs.0.all_modules.0'],
    key_to_lpe: null,
    ...(rest as Record<string, TorchValue>),
  };
}
