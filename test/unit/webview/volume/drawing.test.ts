import type { Vec3 } from '../../../../src/geometry';
import { describe, expect, it } from 'vitest';
import { BTCV_CLASSES, colourOfLabel } from '../../../../src/labels/organs';
import type { Plane, Slice } from '../../../../src/protocol/volume';
import {
  fromCanvas,
  inWords,
  lettersOf,
  nearestVoxel,
  scaleBar,
  toCanvas,
  toIndex,
  toWorld,
  type SliceView,
} from '../../../../webview/volume/geometry';
import { labelFilter } from '../../../../webview/volume/labelFilter';
import { placeOfLook } from '../../../../webview/volume/look';
import {
  ERROR_COLOURS,
  paintErrors,
  paintGrey,
  paintHeat,
  paintLabels,
  parseColour,
} from '../../../../webview/volume/raster';
import { SliceStore } from '../../../../webview/volume/sliceStore';

const slice = (data: Slice['data'], width: number): Slice => ({
  index: 0,
  width,
  height: data.length / width,
  data,
});
const none = { slope: 1, intercept: 0 };

function pixels(count: number, paint: (out: Uint8ClampedArray) => void): number[][] {
  const out = new Uint8ClampedArray(4 * count);
  paint(out);
  return Array.from({ length: count }, (_, i) => [...out.slice(4 * i, 4 * i + 4)]);
}

describe('colours of a slice', () => {
  it('greys follow the window, after slope and intercept; what is not a number is black', () => {
    const values = slice(Float32Array.of(-1000, -175, 37.5, 250, 3000, NaN, Infinity, -Infinity), 8);
    const greys = pixels(8, (out) => paintGrey(values, none, [-175, 250], out));
    expect(greys.map(([r]) => r)).toEqual([0, 0, 127, 255, 255, 0, 255, 0]);
    expect(greys.every(([r, g, b, a]) => r === g && g === b && a === 255)).toBe(true);
    const scaled = pixels(1, (out) =>
      paintGrey(slice(Int16Array.of(100), 1), { slope: 2, intercept: -50 }, [0, 300], out),
    );
    expect(scaled[0]![0]).toBe(127);
  });

  it('labels have their colours, 0 and hidden ones none', () => {
    const colours = new Map([
      [0, parseColour('#ffffff')],
      [2, parseColour('#e6194b')],
    ] as const);
    const painted = pixels(3, (out) =>
      paintLabels(slice(Uint8Array.of(0, 2, 3), 3), none, { colours, opacity: 0.5, outline: false }, out),
    );
    expect(painted).toEqual([
      [0, 0, 0, 0],
      [0xe6, 0x19, 0x4b, 128],
      [0, 0, 0, 0],
    ]);
  });

  it('outlines keep the border of a region and clear its inside', () => {
    const data = new Uint8Array(25);
    for (const at of [6, 7, 8, 11, 12, 13, 16, 17, 18]) data[at] = 1;
    const colours = new Map([[1, parseColour('#ff0000')]]);
    const painted = pixels(25, (out) =>
      paintLabels(slice(data, 5), none, { colours, opacity: 0.2, outline: true }, out),
    );
    const seen = painted.flatMap(([, , , a], at) => (a === 255 ? [at] : []));
    expect(seen).toEqual([6, 7, 8, 11, 13, 16, 17, 18]);
  });

  it('a second image is transparent at the low end of its window', () => {
    const heat = pixels(3, (out) => paintHeat(slice(Float32Array.of(-5, 0.5, 9), 3), none, [0, 1], 0.5, out));
    expect(heat.map((pixel) => pixel[3])).toEqual([0, 128, 128]);
    expect(heat[2]!.slice(0, 3)).toEqual([255, 255, 255]);
  });

  it('an error map tells missed, extra and confused labels; hidden labels count as background', () => {
    const truth = slice(Uint8Array.of(0, 1, 1, 0, 2, 2), 6);
    const predicted = slice(Float32Array.of(0, 1, 0, 1, 1, 2), 6);
    const paint = { truth, truthScaling: none, opacity: 1 };
    const [missed, extra, confused] = ['missed', 'extra', 'confused'].map((kind) => [
      ...parseColour(ERROR_COLOURS[kind as keyof typeof ERROR_COLOURS]),
      255,
    ]);
    const clear = [0, 0, 0, 0];
    const all = pixels(6, (out) => paintErrors(predicted, none, { ...paint, visible: () => true }, out));
    expect(all).toEqual([clear, clear, missed, extra, confused, clear]);
    const { visible } = labelFilter([], 2);
    const second = pixels(6, (out) => paintErrors(predicted, none, { ...paint, visible }, out));
    expect(second).toEqual([clear, clear, clear, clear, missed, clear]);
    // The truth may be stored with another scaling.
    const doubled = {
      ...paint,
      truth: slice(Uint8Array.of(0, 2, 2, 0, 4, 4), 6),
      truthScaling: { slope: 0.5, intercept: 0 },
    };
    expect(pixels(6, (out) => paintErrors(predicted, none, { ...doubled, visible: () => true }, out))).toEqual(all);
  });

  it('the 13 organs are told apart, and so are numbers that no table names', () => {
    const colours = [...BTCV_CLASSES.slice(1).map(({ colour }) => colour)];
    expect(new Set(colours).size).toBe(13);
    const made = Array.from({ length: 60 }, (_, i) => colourOfLabel(i + 1));
    expect(made.every((colour) => /^#[0-9a-f]{6}$/.test(colour))).toBe(true);
    expect(new Set(made).size).toBe(60);
  });
});

const grid = { size: [4, 5, 6] as Vec3, affine: [2, 0, 0, -10, 0, 3, 0.5, 5, 0, -0.5, 4, 7, 0, 0, 0, 1] };

describe('places', () => {
  it('index and millimetres are inverse to each other', () => {
    const world = toWorld(grid, [1.5, 2.25, 4]);
    toIndex(grid, world).forEach((at, axis) => expect(at).toBeCloseTo([1.5, 2.25, 4][axis]!, 10));
    expect(nearestVoxel(grid, [1000, 1000, -1000])).toEqual([3, 4, 0]);
  });

  it.each([
    [2, true, { left: 'R', right: 'L', top: 'A', bottom: 'P' }],
    [2, false, { left: 'L', right: 'R', top: 'A', bottom: 'P' }],
    [1, true, { left: 'R', right: 'L', top: 'S', bottom: 'I' }],
    [0, true, { left: 'A', right: 'P', top: 'S', bottom: 'I' }],
  ] as const)('edges of plane %i (radiological: %s)', (plane, radiological, letters) => {
    expect(lettersOf(plane, radiological)).toEqual(letters);
  });

  it.each([0, 1, 2] as Plane[])(
    'canvas and slice of plane %i are inverse, and letters agree with directions',
    (plane) => {
      for (const radiological of [true, false]) {
        const view: SliceView = { plane, grid, width: 300, height: 200, zoom: 1.7, pan: [3, -2, 5], radiological };
        const [x, y] = toCanvas(view, 1.25, 2.5);
        fromCanvas(view, x, y).forEach((at, axis) => expect(at).toBeCloseTo([1.25, 2.5][axis]!, 9));
        // A higher index lies nearer to the edge that the letter of the positive direction names.
        const positive = plane === 0 ? 'A' : 'R';
        const goesRight = toCanvas(view, 2, 0)[0] > toCanvas(view, 1, 0)[0];
        expect(lettersOf(plane, radiological)[goesRight ? 'right' : 'left']).toBe(positive);
        expect(toCanvas(view, 0, 2)[1]).toBeLessThan(toCanvas(view, 0, 1)[1]);
      }
    },
  );

  it('at zoom 1 the whole slice fits, centred', () => {
    const view: SliceView = { plane: 2, grid, width: 300, height: 200, zoom: 1, pan: [0, 0, 0], radiological: true };
    const [right, bottom] = toCanvas(view, -0.5, -0.5);
    const [left, top] = toCanvas(view, 3.5, 4.5);
    expect([top, bottom].map(Math.round)).toEqual([0, 200]);
    expect(left + right).toBeCloseTo(300);
  });

  it('a command looks at a voxel or a slice of the file, or at a place', () => {
    // The file's axes are z, x (backwards), y.
    const storage = { axis: [1, 2, 0] as Vec3, flipped: [true, false, false] as const, step: [1, 1, 1] as Vec3 };
    const header = { grid, storage };
    const now = toWorld(grid, [1, 2, 3]);
    expect(placeOfLook({ label: 3 }, header, now)).toBeUndefined();
    expect(placeOfLook({ crosshair: [1, 2, 3] }, header, now)).toEqual([1, 2, 3]);
    expect(placeOfLook({ voxel: [5, 0, 4] }, header, now)).toEqual(toWorld(grid, [3, 4, 5]));
    expect(placeOfLook({ slice: { axis: 0, index: 5 } }, header, now)).toEqual(toWorld(grid, [1, 2, 5]));
    // Beyond the file: its last slice.
    expect(placeOfLook({ slice: { axis: 2, index: 99 } }, header, now)).toEqual(toWorld(grid, [1, 4, 3]));
  });

  it('are said in words, and scale bars have round lengths', () => {
    expect(inWords([-12.34, 5, -0.04])).toBe('12.3 mm L, 5.0 mm A, 0.0 mm I');
    expect(scaleBar(2, 130)).toEqual({ mm: 50, pixels: 100 });
    expect(scaleBar(0.3, 100)).toEqual({ mm: 200, pixels: 60 });
  });
});

describe('slices that the page holds', () => {
  const made = (index: number): Slice => ({ ...slice(new Int16Array(4), 2), index });

  function store() {
    const asked: number[][] = [];
    const waiting: (() => void)[] = [];
    const slices = new SliceStore(
      (_plane, indices) => {
        asked.push([...indices]);
        return new Promise((resolve) => waiting.push(() => resolve(indices.map(made))));
      },
      () => 50,
      () => undefined,
      (error) => {
        throw error;
      },
    );
    const answer = async (): Promise<void> => {
      waiting.shift()!();
      await new Promise((resolve) => setTimeout(resolve, 0));
    };
    return { slices, asked, answer };
  }

  it('asks for the first slice only, then for the latest wish, then ahead in the direction of the move', async () => {
    const { slices, asked, answer } = store();
    expect(slices.want(2, 10, 0)).toBeUndefined();
    for (const index of [11, 12, 13]) slices.want(2, index, 0);
    await answer();
    expect(slices.peek(2, 10, 0)?.index).toBe(10);
    slices.want(2, 13, 0);
    await answer();
    expect(asked).toEqual([[10], [13], [14, 15, 16, 17, 18, 19]]);
    await answer();
    expect(slices.want(2, 15, 0)?.index).toBe(15);
  });

  it('an answer from before the file changed is not kept', async () => {
    const { slices, answer } = store();
    slices.want(0, 3, 0);
    slices.clear();
    await answer();
    expect(slices.peek(0, 3, 0)).toBeUndefined();
  });
});
