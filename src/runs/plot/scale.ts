import { significant } from '../../text';
/** Maps values of an axis to pixels. */
export interface Scale {
  readonly ticks: readonly number[];
  readonly log: boolean;
  toPixel(value: number): number;
  format(value: number): string;
}

function niceStep(span: number, wanted: number): number {
  const rough = span / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 2.5, 5, 10].find((candidate) => candidate * power >= rough * 0.999) ?? 10;
  return factor * power;
}

/** A number as an axis shows it: `0.25`, `12k`, `1e-4`. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (size < 0.001 || size >= 1e9) return value.toExponential(1).replace('.0e', 'e').replace('e+', 'e');
  if (size >= 1e6) return `${significant(value / 1e6, 4)}M`;
  if (size >= 1e4) return `${significant(value / 1e3, 4)}k`;
  return significant(value, 4);
}

function linearTicks(low: number, high: number, wanted: number, whole: boolean): number[] {
  const step = whole ? Math.max(1, Math.round(niceStep(high - low, wanted))) : niceStep(high - low, wanted);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** A linear axis over [low, high] drawn from pixel `start` to pixel `end`. */
export function linearScale(
  range: readonly [number, number],
  pixels: readonly [number, number],
  wanted: number,
  whole = false,
): Scale {
  const [low, high] = range;
  const toPixel = (value: number) => pixels[0] + ((value - low) / (high - low)) * (pixels[1] - pixels[0]);
  return { ticks: linearTicks(low, high, wanted, whole), log: false, toPixel, format: formatNumber };
}

/** The range of values widened to whole ticks, so that lines do not touch the frame. */
export function niceRange(low: number, high: number, wanted: number): [number, number] {
  if (low === high) {
    const half = low === 0 ? 1 : Math.abs(low) * 0.1;
    return [low - half, high + half];
  }
  const step = niceStep(high - low, wanted);
  return [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
}
