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

/** Centred moving average over `2·half + 1` points (fewer at the ends); points without a finite value are left out. */
export function smooth(points: readonly Point[], half: number): Point[] {
  const finite = points.filter(({ y }) => Number.isFinite(y));
  const sums = new Float64Array(finite.length + 1);
  finite.forEach(({ y }, i) => {
    sums[i + 1] = sums[i]! + y;
  });
  return finite.map(({ x }, i) => {
    const from = Math.max(0, i - half);
    const to = Math.min(finite.length, i + half + 1);
    return { x, y: (sums[to]! - sums[from]!) / (to - from) };
  });
}
