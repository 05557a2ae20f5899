export interface Point {
  readonly x: number;
  readonly y: number;
}

/** At most two points an interval, the lowest and the highest in their order, so that no spike is lost. */
export function thin(points: readonly Point[], intervals: number): Point[] {
  if (points.length <= 2 * intervals) return [...points];
  const kept: Point[] = [];
  for (let i = 0; i < intervals; i++) {
    const part = points.slice(
      Math.floor((i * points.length) / intervals),
      Math.floor(((i + 1) * points.length) / intervals),
    );
    const bad = part.find(({ y }) => !Number.isFinite(y));
    const low = part.reduce((a, b) => (b.y < a.y ? b : a));
    const high = part.reduce((a, b) => (b.y > a.y ? b : a));
    kept.push(...new Set([low, high, ...(bad ? [bad] : [])].sort((a, b) => a.x - b.x)));
  }
  return kept;
}

/** A mean, and of how many values. */
export interface WeightedPoint {
  readonly point: Point;
  readonly weight: number;
}

/** Centred moving average over `2·half + 1` points (fewer at the ends); points without a finite value are left out. */
export function smooth(points: readonly Point[], half: number): Point[] {
  const finite = points.filter(({ y }) => Number.isFinite(y));
  return smoothWeighted(
    finite.map((point) => ({ point, weight: 1 })),
    half,
  );
}

/** {@link smooth} of means of several values each, all finite. */
export function smoothWeighted(means: readonly WeightedPoint[], half: number): Point[] {
  const sums = new Float64Array(means.length + 1);
  const weights = new Float64Array(means.length + 1);
  means.forEach(({ point, weight }, i) => {
    sums[i + 1] = sums[i]! + weight * point.y;
    weights[i + 1] = weights[i]! + weight;
  });
  return means.map(({ point }, i) => {
    const from = Math.max(0, i - half);
    const to = Math.min(means.length, i + half + 1);
    return { x: point.x, y: (sums[to]! - sums[from]!) / (weights[to]! - weights[from]!) };
  });
}
