import { countBelow, percentile, shareBetween } from './sample';

/** Where a CT has air, and where soft tissue, in the units of the sample. */
export interface CtHumps {
  readonly air: number;
  readonly tissue: number;
}

/** Steps between the places that are tried as air, and half the widths of the two humps. */
const STEP = 10;
const AIR = 60;
const TISSUE = 100;
/** Lung lies so far above air at most. */
const LUNG = 260;
/** Soft tissue lies so far above air: fat at −110 HU to contrast-filled organs at 150. */
const APART = [860, 1160] as const;
/** Each hump has at least this share of the voxels. */
const LEAST = 0.02;
/** Wider ranges than this are no CT. */
const WIDEST = 20_000;
/** Fewer voxels tell nothing. */
const FEW = 100;
/** A CT reaches this far above its soft tissue at most, but for some metal. */
const HIGHEST = 2600;
const METAL = 0.03;

/** The densest stretch of `2 · half` in [from, to]. */
function densest(sorted: Float64Array, from: number, to: number, half: number): { at: number; share: number } {
  let best = { at: from, share: -1 };
  for (let at = from; at <= to; at += STEP) {
    const share = shareBetween(sorted, at - half, at + half);
    if (share > best.share) best = { at, share };
  }
  return best;
}

function tissueAbove(sorted: Float64Array, air: number): number | undefined {
  const airShare = shareBetween(sorted, air - AIR, air + AIR);
  if (airShare < LEAST) return undefined;
  const { at: tissue, share } = densest(sorted, air + APART[0], air + APART[1], TISSUE);
  if (share < LEAST) return undefined;
  // Between them there is lung and what lies at borders: thinner than both.
  const [from, to] = [air + 250, tissue - 250];
  const between = shareBetween(sorted, from, to) / (to - from);
  if (between > 0.5 * Math.min(airShare / (2 * AIR), share / (2 * TISSUE))) return undefined;
  return shareBetween(sorted, tissue + HIGHEST, Infinity) < METAL ? tissue : undefined;
}

/**
 * The two humps that the values of a CT have wherever a patient lies in air: air, and soft tissue about 1000 above. They tell in
 * which units a CT is stored. Values that scanners put outside of their field of view, such as −2000, may come below.
 *
 * @param sorted a rising sample of the values
 * @returns undefined where there are no such humps: other images, and parts of a CT without air
 */
export function ctHumps(sorted: Float64Array): CtHumps | undefined {
  if (sorted.length < FEW) return undefined;
  const [low, high] = [percentile(sorted, 0.001), percentile(sorted, 0.995)];
  if (high - low < APART[0] || high - low > WIDEST) return undefined;
  // From above: below air there may be a third hump, the padding outside of the field of view.
  for (let air = Math.ceil((high - APART[0]) / STEP) * STEP; air >= low - STEP; air -= STEP) {
    if (tissueAbove(sorted, air) === undefined) continue;
    // Lung is found before the air around the body, which is the denser hump.
    const { at } = densest(sorted, air - LUNG, air, AIR);
    const middle = percentile(sorted.subarray(countBelow(sorted, at - AIR), countBelow(sorted, at + AIR)), 0.5);
    return { air: middle, tissue: tissueAbove(sorted, at) ?? at + 1000 };
  }
  return undefined;
}

/** Hounsfield units of air. */
const AIR_HU = -1000;
/** How far the humps of a CT in Hounsfield units lie off: lung may stand for air. */
const TOLERANCE = 500;
/** What CT is stored too high or too low by: DICOM's intercept of most scanners, air at 0, and the middle of 14 and 16 bits. */
const USUAL = [1024, 1000, 8192, 32_768].flatMap((by) => [-by, by]);
/** Where air (or lung for it) and soft tissue (or fat for it) lie in Hounsfield units. */
const AIR_RANGE = [-1060, -700] as const;
const TISSUE_RANGE = [-160, 220] as const;

const within = (value: number, [low, high]: readonly [number, number]): boolean => value >= low && value <= high;

/** What has to be added to make Hounsfield units of a CT's values: 0 where they are, else most likely 1024 and the like. */
export function offsetToHounsfield({ air, tissue }: CtHumps): number {
  const off = AIR_HU - air;
  if (Math.abs(off) <= TOLERANCE) return 0;
  const usual = USUAL.filter((by) => within(air + by, AIR_RANGE) && within(tissue + by, TISSUE_RANGE));
  // Air that was clipped lies at 0 whichever the offset was; lung says little.
  if (Math.abs(air) < 5 || usual.every((by) => Math.abs(off - by) > 60)) return usual[0] ?? Math.round(off / 10) * 10;
  return usual.reduce((a, b) => (Math.abs(off - b) < Math.abs(off - a) ? b : a));
}

/** Words that converters write into the header of an MR image: echo time, repetition time, flip angle. */
const MR_HEADER = /(^|[;,\s])(TE|TR|FA|TI)\s*=\s*[\d.]/i;

/**
 * Whether an image is a CT in Hounsfield units, from how its values are distributed, and what its header says of the scan.
 *
 * @param sorted a rising sample of the values
 */
export function isHounsfield(sorted: Float64Array, description = ''): boolean {
  if (sorted.length === 0 || MR_HEADER.test(description)) return false;
  const [low, high] = [percentile(sorted, 0.001), percentile(sorted, 0.999)];
  if (low < -4096 || high > 4400 || sorted.at(-1)! > 40_000) return false;
  // So few voxels have no distribution.
  if (sorted.length < FEW) return low <= -300 && high >= 150;
  const humps = ctHumps(sorted);
  if (humps) return offsetToHounsfield(humps) === 0;
  // A part of the body with little air around it: some gas or lung, much soft tissue, and bone or contrast agent.
  return (
    high >= 100 &&
    shareBetween(sorted, 1500, Infinity) < 0.02 &&
    shareBetween(sorted, -1100, -300) >= 0.003 &&
    shareBetween(sorted, -200, 400) - shareBetween(sorted, 0, 1e-9) >= 0.2
  );
}
