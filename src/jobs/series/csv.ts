import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { fileError } from '../../errors/userError';
import { writeAtomically } from '../../files/atomic';
import { csvLine } from '../../files/csv';
import { decodeRecord, metricsFile } from '../../runs/metrics';

/** Every step of the runs' metrics as a table: run, step, and a column a metric. */
export async function writeMetricsCsv(
  file: string,
  runs: readonly string[],
  metrics: readonly string[],
): Promise<void> {
  await writeAtomically(file, async (handle) => {
    await handle.writeFile(csvLine(['run', 'step', ...metrics]));
    for (const run of runs) await appendRun(handle, run, metrics);
  });
}

async function appendRun(
  handle: { writeFile(text: string): Promise<void> },
  run: string,
  metrics: readonly string[],
): Promise<void> {
  const source = metricsFile(run);
  const input = createReadStream(source, 'utf8');
  const label = basename(run);
  let lot: string[] = [];
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      const record = decodeRecord(line);
      if (!record) continue;
      lot.push(csvLine([label, record.step, ...metrics.map((metric) => record[metric])]));
      if (lot.length === 5000) {
        await handle.writeFile(lot.join(''));
        lot = [];
      }
    }
    await handle.writeFile(lot.join(''));
  } catch (error) {
    throw fileError(error, source, 'read the metrics');
  }
}
