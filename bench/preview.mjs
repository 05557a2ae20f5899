// What an edit of a config's preprocessing costs the thread behind the preview of crops: `node bench/preview.mjs [repeats] [x,y,z]
// [--file FILE.nii.gz]`. Seconds of computing, which other work on the machine lengthens less than the time on the clock; the best of
// the repeats. With --file that volume is taken, and written first when it is not there.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { buildSync } from 'esbuild';
import { makeVolume } from './largeVolume.mjs';
import { describeMachine, machineLine } from './machine.mjs';

const { positionals, values } = parseArgs({ allowPositionals: true, options: { file: { type: 'string' } } });
const machine = describeMachine();
const repeats = Number(positionals[0] ?? 5);
const size = (positionals[1] ?? '512,512,300').split(',').map(Number);
const scratch = mkdtempSync(join(tmpdir(), 'voco-preview-'));

const plain = {
  orientation: 'RAS',
  spacing: null,
  intensity: { kind: 'window', low: -175, high: 250, to: [0, 1], clip: true },
  foreground: { threshold: 0 },
  resize: [384, 384, 96],
};
/** Settings after each edit; the number makes no two alike. */
const edits = {
  size: (n) => ({ ...plain, resize: [384, 384, 80 + n] }),
  'foreground threshold': (n) => ({ ...plain, foreground: { threshold: 0.1 + n / 100 } }),
  'intensity window': (n) => ({ ...plain, intensity: { ...plain.intensity, high: 200 + n } }),
  'z-score': (n) => ({ ...plain, intensity: { kind: 'zscore', nonzero: n % 2 === 1 } }),
  'not cut': (n) => ({ ...plain, intensity: { ...plain.intensity, low: -150 + n }, foreground: null }),
  'not resized': (n) => ({ ...plain, intensity: { ...plain.intensity, low: -250 + n }, resize: null }),
  orientation: (n) => ({ ...plain, orientation: n % 2 === 1 ? 'LAS' : 'RPS' }),
  'orientation, axes swapped': (n) => ({ ...plain, orientation: n % 2 === 1 ? 'SRA' : 'ARS' }),
  spacing: (n) => ({ ...plain, spacing: [1.5, 1.5, 1.5 + n / 100] }),
};

const spent = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

try {
  const file = values.file ?? join(scratch, 'large.nii.gz');
  if (!existsSync(file)) makeVolume(file, size);
  const bundle = join(scratch, 'stages.mjs');
  const entry = join(import.meta.dirname, '../src/preview/stages.ts');
  buildSync({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: bundle,
    logLevel: 'error',
  });
  const { StageRunner } = await import(pathToFileURL(bundle).href);
  const runner = new StageRunner();
  const cost = async (preprocess) => {
    const before = spent();
    await runner.run([file], { channel: 0, preprocess });
    return spent() - before;
  };
  console.log(`${size.join('×')} voxels; seconds of computing, the best of ${repeats} (all of them)`);
  console.log(`first, file read: ${(await cost(plain)).toFixed(2)}`);
  for (const [name, settings] of Object.entries(edits)) {
    const all = [];
    for (let n = 1; n <= repeats; n++) {
      await runner.run([file], { channel: 0, preprocess: plain });
      all.push(await cost(settings(n)));
    }
    console.log(`${name}: ${Math.min(...all).toFixed(2)} (${all.map((s) => s.toFixed(2)).join(' ')})`);
  }
  console.log(machineLine(machine));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
