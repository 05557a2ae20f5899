import { describe, expect, test } from 'vitest';
import { placed, regrid } from '../../../src/convert/positions';

const network = { name: 'primus', size: null, embedDim: 12, depth: 1, heads: 1, patch: [8, 8, 8], crop: [16, 32, 24] };
const ramp = (places: number, channels: number): Float32Array =>
  Float32Array.from({ length: places * channels }, (_, i) => Math.sin(i));

describe('positions of another grid', () => {
  test('are torch’s trilinear interpolation with voxel edges on voxel edges', () => {
    // One axis at a time: torch.nn.functional.interpolate of [0, 1, 2, 3] to 6 and to 2, align_corners=False.
    const four = Float32Array.of(0, 1, 2, 3);
    const six = [0, 0.5, 1.1666666, 1.8333334, 2.5, 3];
    for (const axis of [0, 1, 2]) {
      const grid = (length: number) => [0, 1, 2].map((at) => (at === axis ? length : 1)) as [number, number, number];
      Array.from(regrid(four, 1, grid(4), grid(6))).forEach((value, i) => expect(value).toBeCloseTo(six[i]!, 5));
      expect(Array.from(regrid(four, 1, grid(4), grid(2)))).toEqual([0.5, 2.5]);
    }
  });

  test('keep channels apart, and axes in their order', () => {
    // A value that is linear in place: the middle places of a finer grid lie on it.
    const values = new Float32Array(2 * 3 * 4 * 2);
    let at = 0;
    for (let x = 0; x < 2; x++)
      for (let y = 0; y < 3; y++)
        for (let z = 0; z < 4; z++) {
          values[at++] = 100 * x + 10 * y + z;
          values[at++] = -z;
        }
    const fine = regrid(values, 2, [2, 3, 4], [4, 6, 8]);
    const place = (1 * 6 + 2) * 8 + 3;
    expect(fine[2 * place]).toBeCloseTo(100 * 0.25 + 10 * 0.75 + 1.25, 4);
    expect(fine[2 * place + 1]).toBeCloseTo(-1.25, 5);
  });

  test('the grid of a file is that of its config, else a cube', () => {
    const entry = (places: number) => ({ name: 'eva.pos_embed', shape: [1, places, 12], data: ramp(places, 12) });
    const own = { config: JSON.stringify({ network: { ...network, crop: [32, 16, 8] } }) };
    const shape = [1, 24, 12];
    expect(placed(own, entry(8), shape, network)!.note).toBe(
      'eva.pos_embed: positions interpolated from a grid of 4×2×1 to one of 2×4×3',
    );
    expect(placed({}, entry(8), shape, network)!.note).toContain('from a grid of 2×2×2');
    expect(placed({}, entry(8), shape, network)!.entry.shape).toEqual(shape);
    expect(placed({}, entry(9), shape, network)).toBeUndefined();
    expect(placed({}, entry(24), shape, network)).toBeUndefined();
    expect(placed({ config: '{' }, entry(27), shape, network)!.note).toContain('3×3×3');
    expect(placed({}, { ...entry(8), name: 'eva.norm.weight' }, shape, network)).toBeUndefined();
    expect(placed({}, entry(8), shape, { name: 'unet3d' })).toBeUndefined();
  });
});
