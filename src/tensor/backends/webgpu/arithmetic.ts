/** What numbers are multiplied as. Sums, and all that is kept in tensors, are float32. */
export interface Arithmetic {
  /** Part of the keys of shaders that depend on it. */
  key: string;
  /** Type in which operands are held in workgroup memory. */
  type: 'f32' | 'f16';
  /** Operands are rounded to float16. */
  half: boolean;
  /** Instructions that multiply whole matrices, where the adapter has them for `type`. */
  matrices?: MatrixUnit;
}

/** A subgroup's product of M×K and K×N with float32 sums. */
export interface MatrixUnit {
  m: number;
  n: number;
  k: number;
  /** Invocations of a subgroup. */
  lanes: number;
  /** Plain WGSL in place of the instructions, for devices without them: what tests run. */
  emulated?: boolean;
}

export const FLOAT32: Arithmetic = { key: 'f32', type: 'f32', half: false };
export const FLOAT16: Arithmetic = { key: 'f16', type: 'f16', half: true };
/** The numbers of {@link FLOAT16} held as float32: the same results on devices without `shader-f16`, and no faster. */
export const FLOAT16_IN_FLOAT32: Arithmetic = { key: 'f16 in f32', type: 'f32', half: true };

/** WGSL type of `lanes` numbers (1, 2 or 4). */
export const vectorType = (type: 'f32' | 'f16' | 'u32', lanes: number): string =>
  lanes === 1 ? type : `vec${lanes}<${type}>`;

/**
 * WGSL functions between vectors of f32 and operands: `hold`, `widen` and, for one after the other, `rounded`. What drivers
 * may choose is fixed: numbers go to the nearest float16, ties to even, too large ones to an infinity, too small ones to zero.
 */
export function operandFunctions({ type, half }: Arithmetic, lanes: number): string {
  const [wide, operand, bits] = [vectorType('f32', lanes), vectorType(type, lanes), vectorType('u32', lanes)];
  const nearest = `
      let bits = bitcast<${bits}>(value);
      let odd = (bits >> ${bits}(13u)) & ${bits}(1u);
      let nearest = (bits + ${bits}(0xfffu) + odd) & ${bits}(0xffffe000u);
      let special = (bits & ${bits}(0x7f800000u)) == ${bits}(0x7f800000u);
      return ${operand}(quantizeToF16(bitcast<${wide}>(select(nearest, bits, special))));`;
  return `
    alias Held = ${operand};
    fn hold(value: ${wide}) -> Held { ${half ? nearest : 'return value;'} }
    fn widen(operand: Held) -> ${wide} { return ${type === 'f32' ? 'operand' : `${wide}(operand)`}; }
    fn rounded(value: ${wide}) -> ${wide} { return widen(hold(value)); }`;
}

/** Directives that a shader begins with. */
export function directives({ type, matrices }: Arithmetic): string {
  const half = type === 'f16' ? 'enable f16;\n' : '';
  if (!matrices || matrices.emulated) return half;
  return `${half}enable subgroups;\nenable chromium_experimental_subgroup_matrix;\ndiagnostic(off, chromium.subgroup_matrix_uniformity);\n`;
}

export const MATRIX_FEATURE = 'chromium-experimental-subgroup-matrix';

/** Dawn's description of a kind of subgroup matrix; not yet in WebGPU's types. */
interface SubgroupMatrixConfig {
  componentType: string;
  resultComponentType: string;
  M: number;
  N: number;
  K: number;
}

/** Depth of the tiles in workgroup memory, which matrices must divide. */
export const TILE_K = 16;
const LARGEST_SIDE = 16;
/** Four subgroups make a workgroup of at most 256 invocations. */
const MOST_LANES = 64;

/** The largest matrices of an adapter that suit operands of `type`, or undefined. */
export function matrixUnit(info: GPUAdapterInfo, type: 'f32' | 'f16'): MatrixUnit | undefined {
  const { subgroupMinSize, subgroupMaxSize } = info;
  // Which part of a product a subgroup takes is fixed with the number of subgroups in a workgroup.
  if (!subgroupMaxSize || subgroupMinSize !== subgroupMaxSize || subgroupMaxSize > MOST_LANES) return undefined;
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: readonly SubgroupMatrixConfig[] };
  const fitting = [...subgroupMatrixConfigs]
    .filter((config) => config.componentType === type && config.resultComponentType === 'f32')
    .filter(({ M, N, K }) => M <= LARGEST_SIDE && N <= LARGEST_SIDE && N % 4 === 0 && TILE_K % K === 0)
    .sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K);
  const best = fitting[0];
  return best && { m: best.M, n: best.N, k: best.K, lanes: subgroupMaxSize };
}
