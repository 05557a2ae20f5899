import { describe, expect, it } from 'vitest';
import { centredFeatures, LinearCka, type Cka } from '../../../src/metrics';
import { RandomStream } from '../../../src/random/random';

type Matrix = readonly (readonly number[])[];

const random = (rows: number, columns: number, seed: number): number[][] => {
  const stream = new RandomStream(seed, 7);
  return Array.from({ length: rows }, () => Array.from({ length: columns }, () => stream.normal()));
};

const times = (a: Matrix, b: Matrix): number[][] =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)));
const transposed = (a: Matrix): number[][] => a[0]!.map((_, j) => a.map((row) => row[j]!));
const inner = (a: Matrix, b: Matrix): number =>
  a.reduce((sum, row, i) => sum + row.reduce((part, value, j) => part + value * b[i]![j]!, 0), 0);

/** HSIC's own definition: Gram matrices, centred on both sides by H = I − 1/n. */
function reference(x: Matrix, y: Matrix): number {
  const n = x.length;
  const h = x.map((_, i) => x.map((_, j) => (i === j ? 1 : 0) - 1 / n));
  const gram = (m: Matrix): number[][] => times(times(h, times(m, transposed(m))), h);
  const [k, l] = [gram(x), gram(y)];
  return inner(k, l) / Math.sqrt(inner(k, k) * inner(l, l));
}

/** HSIC₁ as Song et al. write it, with Gram matrices whose diagonal is 0. */
function debiasedReference(x: Matrix, y: Matrix): number {
  const n = x.length;
  const gram = (m: Matrix): number[][] =>
    times(m, transposed(m)).map((row, i) => row.map((value, j) => (i === j ? 0 : value)));
  const sum = (m: Matrix): number => m.flat().reduce((total, value) => total + value, 0);
  const hsic = (k: Matrix, l: Matrix): number => {
    const mixed = sum(times(k, l));
    return (inner(k, l) + (sum(k) * sum(l)) / ((n - 1) * (n - 2)) - (2 * mixed) / (n - 2)) / (n * (n - 3));
  };
  const [k, l] = [gram(x), gram(y)];
  return hsic(k, l) / Math.sqrt(hsic(k, k) * hsic(l, l));
}

const centred = (m: Matrix) => centredFeatures(m.flat(), m[0]!.length)!;
const both = (x: Matrix, y: Matrix): Cka => new LinearCka().compare(centred(x), centred(y));
const cka = (x: Matrix, y: Matrix): number => both(x, y).cka;

/** An orthogonal matrix: a product of Householder reflections. */
function orthogonal(size: number): number[][] {
  let q: number[][] = Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)));
  for (const v of random(size, size, 5)) {
    const norm = v.reduce((sum, value) => sum + value * value, 0);
    q = times(
      q,
      v.map((a, i) => v.map((b, j) => (i === j ? 1 : 0) - (2 * a * b) / norm)),
    );
  }
  return q;
}

describe('linear CKA', () => {
  // The first of each has fewer channels than samples, the last more: the two ways to compute it.
  it.each([
    [30, 3, 4],
    [12, 5, 30],
    [7, 40, 25],
  ])('of %i samples, %i and %i channels is that of centred Gram matrices', (n, p, q) => {
    const x = random(n, p, 1);
    const shared = times(x, random(p, q, 2));
    const y = random(n, q, 3).map((row, i) => row.map((value, j) => value + 0.7 * shared[i]![j]! + 5));
    expect(cka(x, y)).toBeCloseTo(reference(x, y), 10);
    expect(cka(y, x)).toBeCloseTo(cka(x, y), 12);
    expect(cka(x, y)).toBeGreaterThan(0);
    expect(cka(x, y)).toBeLessThan(1);
    expect(both(x, y).debiased).toBeCloseTo(debiasedReference(x, y), 9);
    expect(both(y, y).debiased).toBeCloseTo(1, 12);
  });

  it('does not see rotation, one scale and an offset, but sees a scale by channel', () => {
    const x = random(40, 6, 4);
    const turned = times(x, orthogonal(6)).map((row) => row.map((value, j) => -3e4 * value + 100 * j));
    expect(cka(x, turned)).toBeCloseTo(1, 9);
    expect(both(x, turned).debiased).toBeCloseTo(1, 9);
    const uneven = x.map((row) => row.map((value, j) => value * (j === 0 ? 10 : 1)));
    expect(cka(x, uneven)).toBeLessThan(0.8);
    expect(cka(x, x)).toBeCloseTo(1, 12);
  });

  it('of unrelated features goes to zero with more samples, debiased also with few', () => {
    expect(cka(random(2000, 4, 8), random(2000, 4, 9))).toBeLessThan(0.01);
    const few = both(random(30, 200, 8), random(30, 200, 9));
    expect(few.cka).toBeGreaterThan(0.8);
    expect(Math.abs(few.debiased)).toBeLessThan(0.1);
    expect(both(random(3, 2, 8), random(3, 2, 9)).debiased).toBeNaN();
  });

  it('is not there for features that do not vary or are not finite', () => {
    const constant = Array.from({ length: 30 }, () => [0.1, 1 / 3]);
    expect(centredFeatures(constant.flat(), 2)).toBeUndefined();
    expect(centredFeatures([1, NaN, 2, 3], 2)).toBeUndefined();
    expect(() => both(random(4, 2, 1), random(5, 2, 1))).toThrow(/4 and 5 samples/);
  });
});
