import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Config } from '../../../src/config';
import type { MetricsRecord } from '../../../src/runs';
import type { LocateReport } from '../../../src/protocol/locate';
import { replaceInMetadata, writeFromOutline, type Outline } from './checkpoints';

const fixture = join(import.meta.dirname, '../../fixtures/before');

/** What the program before said of its runs: test/support/before/make.mjs. */
export interface Before {
  /** The folder that it worked in. */
  readonly madeIn: string;
  /** The processor that it ran on. */
  readonly processor: string;
  /** Every config file, and what it meant with all defaults. */
  readonly configs: Readonly<Record<string, Config>>;
  /** Metrics of the runs as trained from the config, by name. */
  readonly trained: Readonly<Record<string, { kind: string; metrics: readonly MetricsRecord[] }>>;
  /** Metrics of the steps after `from`, when the run was resumed to do `to` steps. */
  readonly resumed: Readonly<Record<string, Resumed>>;
  /** Hashes of what was exported from the newest checkpoint of a run, by run and branch. */
  readonly exports: Readonly<Record<string, Readonly<Record<string, { tensors: number; sha256: string }>>>>;
  readonly located: LocateReport;
  /** The runs of the study once it was resumed. */
  readonly study: readonly Readonly<Record<string, unknown>>[];
}

export interface Resumed {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
  readonly metrics: readonly MetricsRecord[];
}

const said = readFileSync(join(fixture, 'expected.json'), 'utf8');
const { madeIn } = JSON.parse(said) as Before;

/** What the program before said, with its paths in `folder`. */
export function readBefore(folder: string): Before {
  return JSON.parse(said.replaceAll(madeIn, folder)) as Before;
}

const TEXT = new Set(['.json', '.jsonl', '.txt', '.csv', '.svg']);

/** A copy of the folder that the program before worked in, as if it had been made where it is now. */
export function openBefore(): string {
  const folder = mkdtempSync(join(tmpdir(), 'voco-before-'));
  cpSync(join(fixture, 'files'), folder, { recursive: true });
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = join(folder, name);
    if (!statSync(file).isFile()) continue;
    if (name.endsWith('.outline.gz')) {
      const checkpoint = file.slice(0, -'.outline.gz'.length);
      writeFromOutline(checkpoint, JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')) as Outline);
      replaceInMetadata(checkpoint, madeIn, folder);
      rmSync(file);
    } else if (name.endsWith('.safetensors')) {
      replaceInMetadata(file, madeIn, folder);
    } else if (TEXT.has(extname(name))) {
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll(madeIn, folder));
    }
  }
  return folder;
}
