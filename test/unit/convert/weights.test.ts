import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeSafetensors } from '../../../src/runs';
import { readWeights } from '../../../src/convert/read';
import { temporaryFolder } from '../runs/support';

test('weights in half, bfloat16 and double precision start a network as float32', async () => {
  const file = join(temporaryFolder(), 'a.safetensors');
  await writeSafetensors(file, [
    { name: 'half', dtype: 'F16', shape: [2], data: Uint16Array.of(0x3c00, 0xc000) },
    { name: 'bfloat', dtype: 'BF16', shape: [1], data: Uint16Array.of(0x4049) },
    { name: 'double', dtype: 'F64', shape: [1], data: Float64Array.of(0.5) },
    { name: 'index', dtype: 'I64', shape: [1], data: BigInt64Array.of(7n) },
    { name: 'optimizer.m', dtype: 'F32', shape: [1], data: Float32Array.of(1) },
  ]);
  const { entries } = await readWeights(file);
  expect(Object.fromEntries(entries.map(({ name, data }) => [name, data]))).toEqual({
    half: Float32Array.of(1, -2),
    bfloat: Float32Array.of(3.140625),
    double: Float32Array.of(0.5),
    index: Int32Array.of(7),
  });
});
