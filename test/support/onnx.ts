import * as ort from 'onnxruntime-node';
import { expect } from 'vitest';
import type { Network } from '../../src/nets';
import { Formula } from './formula';
import { loadFormula } from './reference';

/** Largest difference, relative to the value or, where that is larger, the standard deviation of all. */
export function relativeError(actual: ArrayLike<number>, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  const mean = expected.reduce((sum, value) => sum + value, 0) / expected.length;
  const deviation = Math.sqrt(expected.reduce((sum, value) => sum + (value - mean) ** 2, 0) / expected.length);
  expect(deviation).toBeGreaterThan(0);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!) / Math.max(Math.abs(expected[i]!), deviation);
    // Not Math.max: a NaN is the worst error of all.
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

/** The network with the fixtures' parameters. */
export function filled<N extends Pick<Network, 'parameters'>>(network: N): N {
  loadFormula(network.parameters, new Formula(0));
  return network;
}

/** What ONNX Runtime makes of an image (N, C, X, Y, Z). */
export async function runOnnx(file: string, values: Float32Array, shape: readonly number[]): Promise<ort.Tensor> {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  expect([session.inputNames, session.outputNames]).toEqual([['image'], ['logits']]);
  const { logits } = await session.run({ image: new ort.Tensor('float32', values, shape) });
  await session.release();
  return logits!;
}
