import { layerNorm } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import { ResidualBlock } from '../blocks';
import type { Scope } from '../layers';
import type { SwinSection } from './descriptor';
import { PatchEmbed, SwinStage } from './blocks';

/** The Swin transformer of Swin-UNETR (MONAI SwinTransformer, `downsample="merging"`). */
export class SwinTransformer {
  private readonly patchEmbed: PatchEmbed;
  private readonly stages: SwinStage[];
  private readonly residuals: ResidualBlock[];

  constructor(scope: Scope, options: Omit<SwinSection, 'name'>) {
    const { featureSize, depths, heads } = options;
    this.patchEmbed = new PatchEmbed(scope.at('patch_embed'), options.inChannels, featureSize);
    this.stages = depths.map(
      (depth, i) => new SwinStage(scope.at(`layers${i + 1}.0`), featureSize * 2 ** i, depth, heads[i]!),
    );
    this.residuals = options.useV2
      ? depths.map((_, i) => {
          const channels = featureSize * 2 ** i;
          return new ResidualBlock(scope.at(`layers${i + 1}c.0.layer`), channels, channels);
        })
      : [];
  }

  /**
   * Layer-normed copies of the outputs of the patch embedding and of each stage, at 1/2, 1/4, … of the input's resolution
   * with F, 2F, … channels. The stages themselves pass the un-normed tensors on.
   *
   * @param wanted which of the outputs to make; the others are undefined.
   * @param hide replaces embeddings of the patches (SimMIM)
   */
  forward(
    x: tf.Tensor5D,
    wanted: readonly number[] = [0, 1, 2, 3, 4],
    hide?: (embeddings: tf.Tensor5D) => tf.Tensor5D,
  ): (tf.Tensor5D | undefined)[] {
    const output = (state: tf.Tensor5D, i: number) => (wanted.includes(i) ? layerNorm(state) : undefined);
    return tidyList(() => {
      const embedded = this.patchEmbed.forward(x);
      let state = hide ? hide(embedded) : embedded;
      const outputs = [output(state, 0)];
      this.stages.forEach((stage, i) => {
        state = tf.tidy(() => stage.forward(this.residuals[i]?.forward(state) ?? state));
        outputs.push(output(state, i + 1));
      });
      return outputs;
    });
  }
}

/** tf.tidy for a list with holes, which its own types do not allow. */
function tidyList(f: () => (tf.Tensor5D | undefined)[]): (tf.Tensor5D | undefined)[] {
  const holder: { list: (tf.Tensor5D | undefined)[] } = { list: [] };
  tf.tidy(() => {
    holder.list = f();
    return holder.list.filter((item): item is tf.Tensor5D => item !== undefined);
  });
  return holder.list;
}
