import { afterAll, expect, it } from 'vitest';
import * as tf from '../../../../../src/tensor/tf';
import { deviceNeed, releaseBackends, useBackend } from '../../../../support/backends';
import { needs } from '../../../../support/needs';

afterAll(releaseBackends);

const onednn = await deviceNeed('onednn');

needs(onednn).describe('split on onednn', () => {
  it.each([
    [[2, 3, 4], 1, [1, 2]],
    [[2, 3, 4], -1, [3, 1]],
    [[4, 3], 0, 2],
    [[2, 2, 2, 2, 5], 4, [2, 3]],
  ] as const)('of shape %j along axis %d into %j is that of cpu', async (shape, axis, sizes) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const parts: number[][][] = [];
    for (const name of ['cpu', 'onednn']) {
      await useBackend(name);
      const x = tf.tensor(
        Float32Array.from({ length: count }, (_, i) => i),
        [...shape],
      );
      const before = tf.memory().numTensors;
      const split = tf.split(x, typeof sizes === 'number' ? sizes : [...sizes], axis);
      parts.push(split.map((part) => [part.shape, Array.from(part.dataSync())] as unknown as number[]));
      tf.dispose(split);
      expect(tf.memory().numTensors).toBe(before);
      x.dispose();
    }
    expect(parts[1]).toEqual(parts[0]);
  });
});
