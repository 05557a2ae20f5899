import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MetricsWriter, plotSvg, writeRunPlot } from '../../../src/runs';
import { formatNumber, linearScale, niceRange } from '../../../src/runs/plot/scale';
import { smooth, thin } from '../../../src/runs/plot/thin';
import { newRun, temporaryFolder } from './support';

describe('axes', () => {
  test('have round ticks inside a range that holds the values', () => {
    expect(niceRange(0.13, 0.87, 5)).toEqual([0, 1]);
    expect(linearScale([0, 1], [100, 0], 5).ticks).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(linearScale([0, 3], [0, 100], 7, true).ticks).toEqual([0, 1, 2, 3]);
    expect(linearScale([0, 1], [100, 0], 5).toPixel(0.25)).toBe(75);
    const [low, high] = niceRange(5, 5, 5);
    expect(low < 5 && high > 5).toBe(true);
  });

  test('show numbers briefly', () => {
    const values = [0, 1, 0.25, 0.0001, 2.5e-5, 12000, 250000, 1.5e6, -0.5, 3e12];
    expect(values.map(formatNumber)).toEqual([
      '0',
      '1',
      '0.25',
      '1e-4',
      '2.5e-5',
      '12k',
      '250k',
      '1.5M',
      '-0.5',
      '3e12',
    ]);
  });
});

describe('thinning and smoothing', () => {
  test('keep the lowest and the highest, and their order', () => {
    const points = Array.from({ length: 10_000 }, (_, x) => ({
      x,
      y: x === 5_001 ? 99 : x === 7_003 ? -99 : Math.sin(x),
    }));
    const kept = thin(points, 100);
    expect(kept.length).toBeLessThanOrEqual(200);
    expect(kept).toContainEqual({ x: 5001, y: 99 });
    expect(kept).toContainEqual({ x: 7003, y: -99 });
    expect(kept.every((point, i) => i === 0 || kept[i - 1]!.x < point.x)).toBe(true);
  });

  test('the average is centred, of what there is at the ends', () => {
    const points = [1, 2, NaN, 3, 10].map((y, x) => ({ x, y }));
    expect(smooth(points, 1).map(({ y }) => y)).toEqual([1.5, 2, 5, 6.5]);
  });
});

describe('plot.svg', () => {
  test('has a panel for each group of metrics, and marks where a value is not a number', async () => {
    const runDir = await newRun(temporaryFolder(), 'a & b');
    const writer = await MetricsWriter.open(runDir);
    for (let step = 1; step <= 80; step++) {
      const loss = step === 40 ? NaN : 1 / step;
      await writer.append({ step, loss, regularizer: 0.1, accuracy: step / 80, learningRate: 1e-4 });
      if (step % 20 === 0) await writer.append({ step, 'validation/loss': 2 / step, 'validation/accuracy': 0.5 });
    }
    await writer.close();
    const svg = readFileSync(await writeRunPlot(runDir), 'utf8');
    for (const title of ['Loss', 'Parts of the loss', 'Position accuracy', 'Learning rate']) {
      expect(svg).toContain(`class="panel">${title}`);
    }
    expect(svg).toContain('a &amp; b');
    expect(svg.match(/not a number/g)).toHaveLength(1);
    expect(svg.match(/<circle/g)).toHaveLength(8);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    expect(svg.match(/stroke-opacity/g)).toHaveLength(3);
  });

  test('a run without metrics, and one with a single step, still give a picture', async () => {
    const runDir = await newRun(temporaryFolder());
    expect(readFileSync(await writeRunPlot(runDir), 'utf8')).toMatch(/^<svg[\s\S]*<\/svg>\n$/);
    const panel = { title: 't', unit: 'HU', series: [{ label: 'x', points: [{ x: 1, y: 5 }] }] };
    const svg = plotSvg({ title: '', subtitle: '', xLabel: '', panels: [panel] });
    expect(svg).toContain('(HU)');
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
});
