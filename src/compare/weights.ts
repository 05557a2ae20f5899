import { toFloat32, viewAs } from '../runs';
import type { SourceTensor } from '../runs/import';
import type { ModuleDifference, WeightComparison } from '../protocol/comparison';
import type { CallContext } from '../rpc';

/** Parts of a tensor's name that name its module. */
const MODULE_DEPTH = 2;

/** Sums over the weights of a module. */
interface Sums {
  tensors: number;
  parameters: number;
  reference: number;
  other: number;
  product: number;
  change: number;
}

const emptySums = (): Sums => ({ tensors: 0, parameters: 0, reference: 0, other: 0, product: 0, change: 0 });

/** `swinViT.layers1.0.blocks.0.norm1.weight` is in `swinViT.layers1`. */
function moduleOf(name: string): string {
  const parts = name.split('.');
  return parts.slice(0, Math.min(MODULE_DEPTH, Math.max(1, parts.length - 1))).join('.');
}

/** A cosine without the rounding that would take it out of its range. */
const within = (cosine: number): number => Math.max(-1, Math.min(1, cosine));

function difference(module: string, sums: Sums): ModuleDifference {
  const [referenceNorm, norm] = [Math.sqrt(sums.reference), Math.sqrt(sums.other)];
  return {
    ...{ module, tensors: sums.tensors, parameters: sums.parameters, referenceNorm, norm },
    relativeChange: referenceNorm > 0 ? Math.sqrt(sums.change) / referenceNorm : null,
    cosine: referenceNorm > 0 && norm > 0 ? within(sums.product / (referenceNorm * norm)) : null,
  };
}

function add(sums: Sums, a: Float32Array, b: Float32Array): void {
  sums.tensors += 1;
  sums.parameters += a.length;
  let [reference, other, product, change] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    reference += x * x;
    other += y * y;
    product += x * y;
    change += (x - y) ** 2;
  }
  sums.reference += reference;
  sums.other += other;
  sums.product += product;
  sums.change += change;
}

const isWeight = ({ dtype }: SourceTensor): boolean => /^(F|BF)/.test(dtype);
const sameShape = (a: SourceTensor, b: SourceTensor): boolean => a.shape.join() === b.shape.join();
const read = async ({ dtype, read: bytes }: SourceTensor): Promise<Float32Array> =>
  toFloat32(dtype, viewAs(dtype, await bytes()));

/**
 * Weights of a checkpoint against those of a reference, by module. One tensor of each is in memory at a time; tensors of whole
 * numbers, such as index buffers, are no weights.
 *
 * @param checkpoint position of the other one, for the report
 * @throws AbortError when cancelled
 */
export async function compareWeights(
  reference: readonly SourceTensor[],
  other: readonly SourceTensor[],
  checkpoint: number,
  { signal, onProgress }: Partial<CallContext> = {},
): Promise<WeightComparison> {
  const others = new Map(other.filter(isWeight).map((tensor) => [tensor.name, tensor]));
  const names = new Set(reference.filter(isWeight).map(({ name }) => name));
  const modules = new Map<string, Sums>();
  const total = emptySums();
  const onlyInReference: string[] = [];
  const otherShape: { name: string; reference: readonly number[]; other: readonly number[] }[] = [];
  const own = reference.filter(isWeight);
  for (const [i, tensor] of own.entries()) {
    signal?.throwIfAborted();
    const { name, shape } = tensor;
    const match = others.get(name);
    if (!match) onlyInReference.push(name);
    else if (!sameShape(tensor, match)) otherShape.push({ name, reference: shape, other: match.shape });
    else {
      const [a, b] = [await read(tensor), await read(match)];
      const sums = modules.get(moduleOf(name)) ?? emptySums();
      modules.set(moduleOf(name), sums);
      for (const into of [sums, total]) add(into, a, b);
    }
    onProgress?.(i + 1, own.length);
  }
  return {
    checkpoint,
    modules: [...modules].map(([module, sums]) => difference(module, sums)),
    total: difference('all', total),
    onlyInReference,
    onlyInOther: [...others.keys()].filter((name) => !names.has(name)),
    otherShape,
  };
}
