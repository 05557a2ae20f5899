/** Number of elements of a shape. */
export function volumeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Shape of a parameter in `tensor/ops`: five-dimensional filters go from torch's (a, b, kd, kh, kw) to [kd, kh, kw, b, a],
 * which is [.., in, out] for a convolution and [.., out, in] for a transposed one; everything else stays.
 */
export function tensorShape(torchShape: readonly number[]): number[] {
  if (torchShape.length !== 5) return [...torchShape];
  const [a, b, kd, kh, kw] = torchShape as [number, number, number, number, number];
  return [kd, kh, kw, b, a];
}

/** Reorders values from torch's order to that of {@link tensorShape}; returns its argument where they are the same. */
export function fromTorchLayout(values: Float32Array, torchShape: readonly number[]): Float32Array {
  return torchShape.length === 5 ? permuteFilter(values, torchShape, true) : values;
}

/** The inverse of {@link fromTorchLayout}. */
export function toTorchLayout(values: Float32Array, torchShape: readonly number[]): Float32Array {
  return torchShape.length === 5 ? permuteFilter(values, torchShape, false) : values;
}

function permuteFilter(values: Float32Array, torchShape: readonly number[], fromTorch: boolean): Float32Array {
  const [a, b, ...kernel] = torchShape as [number, number, number, number, number];
  const taps = volumeOf(kernel);
  const result = new Float32Array(values.length);
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < taps; k++) {
        const torchIndex = (i * b + j) * taps + k;
        const ownIndex = (k * b + j) * a + i;
        if (fromTorch) result[ownIndex] = values[torchIndex]!;
        else result[torchIndex] = values[ownIndex]!;
      }
    }
  }
  return result;
}
