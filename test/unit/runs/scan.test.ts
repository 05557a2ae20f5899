import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scanMetrics } from '../../../src/runs';
import { temporaryFolder } from './support';

test('scores are read to their last bit', async () => {
  const values = [0.21893636140838166, 0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, -2.5e-7, 12];
  const runDir = temporaryFolder();
  const lines = values.map((dice, i) => `${JSON.stringify({ step: i + 1, dice })}\n`);
  writeFileSync(join(runDir, 'metrics.jsonl'), lines.join(''));
  const read: number[] = [];
  await scanMetrics(runDir, (_, names, [value]) => {
    expect(names).toEqual(['dice']);
    read.push(value!);
  });
  expect(read).toEqual(values);
});
