import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readStudy, studyPlotSvg, summarizeStudy, writeStudy } from '../../../src/runs';
import type { StudyArm, StudyPlan, StudyRun } from '../../../src/runs';
import { runFiles } from '../../../src/runs/files';

const folder = mkdtempSync(join(tmpdir(), 'voco-study-format-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run(arm: StudyArm, amount: number, seed: number, score: number | null): StudyRun {
  const state = score === null ? 'queued' : 'finished';
  const dir = `runs/cases-${amount}-seed-${seed}-${arm}`;
  return { arm, amount, cases: amount, seed, run: dir, state, score, best: score, classes: {} };
}

const plan: StudyPlan = {
  format: 1,
  name: 'few <labels>',
  task: 'BTCV',
  score: 'dice',
  by: 'cases',
  amounts: [1, 4],
  seeds: [0, 1, 2],
  checkpoint: 'pre.safetensors',
  available: 8,
  heldOut: 5,
  runs: [
    run('pretrained', 1, 0, 0.5),
    run('scratch', 1, 0, 0.3),
    run('pretrained', 1, 1, 0.6),
    run('scratch', 1, 1, 0.5),
    run('pretrained', 1, 2, 0.4),
    run('scratch', 1, 2, 0.55),
    run('pretrained', 4, 0, 0.8),
    run('scratch', 4, 0, null),
    run('pretrained', 4, 1, null),
  ],
};

describe('the summary of a study', () => {
  const study = summarizeStudy(plan);

  it('has mean and sample deviation of each side over the seeds that are done', () => {
    const [one, four, scratch, ...rest] = study.points;
    expect(one).toMatchObject({ arm: 'pretrained', amount: 1, count: 3 });
    expect(one!.mean).toBeCloseTo(0.5, 12);
    expect(one!.deviation).toBeCloseTo(0.1, 12);
    expect(four).toEqual({ arm: 'pretrained', amount: 4, mean: 0.8, deviation: null, count: 1 });
    expect(scratch!.mean).toBeCloseTo(0.45, 12);
    // Deviations from 0.45: -0.15, 0.05, 0.1.
    expect(scratch!.deviation).toBeCloseTo(Math.sqrt((0.0225 + 0.0025 + 0.01) / 2), 12);
    expect(rest).toEqual([]);
  });

  it('pairs by seed, and leaves out what has no partner', () => {
    expect(study.differences).toHaveLength(1);
    const [difference] = study.differences;
    expect(difference).toMatchObject({ amount: 1, count: 3, ahead: 2 });
    expect(difference!.mean).toBeCloseTo((0.2 + 0.1 - 0.15) / 3, 12);
    expect(difference!.deviation).toBeCloseTo(0.18027756, 7);
  });

  it('is drawn with an error bar for each point that has a deviation, names escaped', () => {
    const svg = studyPlotSvg(study);
    expect(svg).toContain('few &lt;labels&gt;');
    expect(svg).toContain('pre-trained');
    expect(svg).toContain('7 of 9 runs');
    // Two points with a deviation, and one difference.
    expect(svg.match(/V[\d.]+M[\d.]+ [\d.]+h10/g)).toHaveLength(3);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('is drawn before anything is done', () => {
    const empty = summarizeStudy({ ...plan, runs: plan.runs.map((item) => ({ ...item, score: null })) });
    expect(studyPlotSvg(empty)).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('the files of a study', () => {
  it('are read back as they were written', async () => {
    const written = await writeStudy(folder, plan);
    expect(await readStudy(folder)).toEqual(written);
    const [head, first, ...rows] = readFileSync(runFiles(folder).studyTable, 'utf8').trimEnd().split('\n');
    expect(head).toBe('arm,amount,cases,seed,state,score,best,run');
    expect(first).toBe('pretrained,1,1,0,finished,0.5,0.5,runs/cases-1-seed-0-pretrained');
    expect(rows.at(-1)).toBe('pretrained,4,4,1,queued,,,runs/cases-4-seed-1-pretrained');
  });

  it('that are missing, cut or of another kind are an error with their name', async () => {
    const bad = mkdtempSync(join(folder, 'bad-'));
    await expect(readStudy(bad)).rejects.toThrow(/study\.json/);
    for (const text of ['{"format":1', '{"format":2}', 'null', '{"format":1,"runs":[]}']) {
      writeFileSync(runFiles(bad).study, text);
      await expect(readStudy(bad)).rejects.toThrow(/study\.json: not a study that this version can read/);
    }
  });
});
