import { mapAxes, type Vec3 } from '../../geometry';

/** What a section says of each stage: the last entry of a list holds for the stages that it leaves out. */
export interface ResEncLists {
  readonly stages: number;
  readonly features: readonly number[];
  readonly blocks: readonly number[];
  readonly kernels: readonly (readonly number[])[];
  readonly strides: readonly (readonly number[])[];
  readonly decoderConvs: readonly number[];
}

/** One resolution of the encoder. */
export interface Stage {
  readonly channels: number;
  readonly blocks: number;
  readonly kernel: Vec3;
  /** Of its first block. */
  readonly stride: Vec3;
  /** Voxels of the input for each of its features', along each axis. */
  readonly total: Vec3;
}

/** One step of the decoder, from the deepest on: it joins what comes from below with the features of `stage`. */
export interface Step {
  readonly stage: Stage;
  readonly inChannels: number;
  /** Kernel and stride of the transposed convolution. */
  readonly up: Vec3;
  readonly convs: number;
}

/** An entry of a list; its last one holds for all that follow. */
const entry = <T>(list: readonly T[], at: number): T => list[Math.min(at, list.length - 1)]!;

const triple = (numbers: readonly number[]): Vec3 => [numbers[0]!, numbers[1]!, numbers[2]!];

/** The stages of the encoder, from fine to coarse. */
export function stagesOf(section: ResEncLists): Stage[] {
  let total: Vec3 = [1, 1, 1];
  return Array.from({ length: section.stages }, (_, i) => {
    const stride = triple(entry(section.strides, i));
    const before = total;
    total = mapAxes((axis) => before[axis] * stride[axis]);
    return {
      channels: entry(section.features, i),
      blocks: entry(section.blocks, i),
      kernel: triple(entry(section.kernels, i)),
      stride,
      total,
    };
  });
}

/** The steps of the decoder, the deepest first. */
export function stepsOf(section: ResEncLists): Step[] {
  const stages = stagesOf(section);
  return Array.from({ length: stages.length - 1 }, (_, i) => {
    const below = stages[stages.length - 1 - i]!;
    const stage = stages[stages.length - 2 - i]!;
    return { stage, inChannels: below.channels, up: below.stride, convs: entry(section.decoderConvs, i) };
  });
}

/** A list without the entries at its end that are the same as the one before them: what is left says the same. */
export function shortened<T>(list: readonly T[]): T[] {
  let length = list.length;
  const same = (a: T, b: T): boolean => JSON.stringify(a) === JSON.stringify(b);
  while (length > 1 && same(list[length - 1]!, list[length - 2]!)) length -= 1;
  return list.slice(0, length);
}
