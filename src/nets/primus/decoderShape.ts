import { mapVec3, type Vec3 } from '../../geometry';

/** One transposed convolution of the patch decoder: its stride, which is its kernel as well, and channels in and out. */
export interface DecoderStage {
  readonly stride: Vec3;
  readonly inChannels: number;
  readonly outChannels: number;
}

/** As numpy rounds: halves to the even neighbour; the nudge decides most of them upwards. */
function roundToEight(value: number): number {
  const eighths = (value + 1e-6) / 8;
  const floor = Math.floor(eighths);
  const rounded = eighths - floor === 0.5 ? floor + (floor % 2) : Math.round(eighths);
  return Math.max(8, rounded * 8);
}

/**
 * How the patch decoder of Primus goes from tokens to voxels: a factor of 2 a stage, channels falling geometrically from those of the
 * embedding to twice those of the output (dynamic-network-architectures' PatchDecode). Its widths depend on the output.
 *
 * @param patch powers of 2, voxels
 */
export function decoderStages(embedDim: number, patch: Vec3, outChannels: number): DecoderStage[] {
  const count = Math.log2(Math.max(...patch));
  const fall = (embedDim / (2 * outChannels)) ** (1 / count);
  const width = (stage: number): number => {
    if (stage < 0) return embedDim;
    return stage === count - 1 ? outChannels : roundToEight(embedDim / fall ** (stage + 1));
  };
  return Array.from({ length: count }, (_, stage) => ({
    // The first stages are those that shorter axes of a patch have no part in.
    stride: mapVec3(patch, (length) => ((length / 2 ** (count - 1 - stage)) % 2 === 0 ? 2 : 1)),
    inChannels: width(stage - 1),
    outChannels: width(stage),
  }));
}
