import { expect, it } from 'vitest';
import { withFixtures } from '../support/fixtures';
import { Formula } from '../support/formula';

interface Samples<Shape> {
  name: string;
  shape: Shape;
  idx: number[];
  float32: number[];
}
interface Fixture {
  seed_for_params_and_images: number;
  uniform: {
    name: string;
    seed: number;
    i: number[];
    hash: number[];
    u: number[];
    big_i?: number[];
    big_hash?: number[];
  }[];
  param_value: Samples<number[]>[];
  image: Samples<[number, number, number, number, number]>[];
  randint: { name: string; seed: number; high: number; values: number[] };
}

withFixtures<[Fixture]>('the formula of the fixtures', ['formula.json'], (fixture) => {
  const formula = new Formula(fixture.seed_for_params_and_images);

  it.each(fixture.uniform)('hashes $name, seed $seed', ({ name, seed, i, hash, u, big_i = [], big_hash = [] }) => {
    const own = new Formula(seed);
    expect([...i, ...big_i].map((at) => own.hashAt(name, at))).toEqual([...hash, ...big_hash]);
    expect(i.map((at) => own.hashes(name, at + 1)[at])).toEqual(hash);
    expect(i.map((at) => own.uniforms(name, at + 1)[at])).toEqual(u);
  });

  it.each(fixture.param_value)('weights $name', ({ name, shape, idx, float32 }) => {
    const values = formula.parameterValue(name, shape);
    expect(idx.map((at) => values[at])).toEqual(float32);
  });

  it.each(fixture.image)('image $name, $shape', ({ name, shape, idx, float32 }) => {
    const values = formula.image(name, shape);
    expect(idx.map((at) => values[at])).toEqual(float32);
  });

  it('whole numbers', () => {
    const { name, seed, high, values } = fixture.randint;
    expect([...new Formula(seed).integers(name, values.length, high)]).toEqual(values);
  });
});
