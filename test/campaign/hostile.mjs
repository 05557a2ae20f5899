/**
 * Reads hostile files of every format with the command line, each in a process of its own: none may take more than 10 s or 2 GB,
 * none runs code, and each ends with lines that name the file, or is read. `node test/campaign/hostile.mjs [--count N] [--seed N]`
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bombs, damaged, random } from './hostileFiles.mjs';

const VOCO = join(import.meta.dirname, '../../dist/voco.cjs');
const [MOST_MS, MOST_BYTES] = [10_000, 2e9];
const AT_ONCE = 2;
/** What the process may plan with; the machine's free memory would let larger files pass. */
const MEMORY = '1G';

function commandFor(name, file, folder) {
  if (/\.(pt|pth|safetensors)$/.test(name)) return ['import', file, '--out', join(folder, 'out.safetensors')];
  if (/\.voco\.json$/.test(name)) return ['check', file];
  if (/\.(json|csv)$/.test(name)) {
    const config = join(folder, 'of-list.voco.json');
    writeFileSync(config, JSON.stringify({ kind: 'pretrain', data: { train: [{ datalist: file }] } }));
    return ['check', config];
  }
  return ['info', file];
}

/** Writes the peak of a process's memory when it ends. */
const HOOK = `process.on('exit', () => require('fs').writeFileSync(process.env.PEAK_FILE, String(process.resourceUsage().maxRSS * 1024)));\n`;

function runOne(args, folder, hook, limit) {
  const peakFile = join(folder, 'peak');
  const env = { ...process.env, VOCO_MEMORY: MEMORY, PEAK_FILE: peakFile, NODE_OPTIONS: `--require ${hook}` };
  const started = performance.now();
  return new Promise((done) => {
    const child = spawn(process.execPath, [VOCO, ...args], { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, error, late] = ['', '', false];
    child.stdout.on('data', (data) => (out = (out + data).slice(-20_000)));
    child.stderr.on('data', (data) => (error = (error + data).slice(-20_000)));
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, limit);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const peak = existsSync(peakFile) ? Number(readFileSync(peakFile, 'utf8')) : 0;
      done({ code, signal, out, error, late, ms: performance.now() - started, peak });
    });
  });
}

/** What is wrong with how a file was read; undefined when nothing is. */
function faultOf({ code, signal, out, error, late, peak }, args, canary) {
  if (late) return 'took too long';
  if (signal) return `ended by ${signal}`;
  if (peak > MOST_BYTES) return `took ${(peak / 1e9).toFixed(1)} GB`;
  if (existsSync(canary)) return 'ran code';
  const said = `${out}\n${error}`;
  if (/internal error|\n\s+at .*[:(]\d|RangeError|TypeError|Unhandled/.test(said))
    return `internal error: ${error.slice(0, 600)}`;
  if (![0, 1, 2].includes(code)) return `exit code ${code}`;
  if (code !== 0 && said.trim() === '') return 'failed without a word';
  // A config and a check tell every problem, a line each.
  if (code !== 0 && args[0] !== 'check' && error.trim().split('\n').length > 1)
    return `more than one line: ${error.slice(0, 400)}`;
  return undefined;
}

function* files(count, seed, canary) {
  const next = random(seed);
  const whole = bombs(canary);
  for (let i = 0; i < count; i++) {
    if (i < whole.length) yield { name: whole[i][0], content: whole[i][1] };
    else yield damaged(next);
  }
}

/**
 * @param {{ count: number, seed?: number, limit?: number, onFile?: (done: number) => void }} options `limit`: milliseconds a file
 * @returns {Promise<{ count: number, read: number, refused: number, slowest: { name: string, ms: number }, largest: { name: string, bytes: number }, faults: { name: string, index: number, fault: string }[] }>}
 */
export async function run({ count, seed = 1, limit = MOST_MS, onFile = () => undefined }) {
  const root = mkdtempSync(join(tmpdir(), 'voco-hostile-'));
  const canary = join(root, 'canary');
  const hook = join(root, 'hook.cjs');
  writeFileSync(hook, HOOK);
  const result = {
    count,
    read: 0,
    refused: 0,
    slowest: { name: '', ms: 0 },
    largest: { name: '', bytes: 0 },
    faults: [],
  };
  const source = files(count, seed, canary);
  let index = 0;
  const worker = async () => {
    for (let item = source.next(); !item.done; item = source.next()) {
      const [{ name, content }, own] = [item.value, index++];
      const folder = join(root, String(own));
      mkdirSync(folder);
      const file = join(folder, name);
      writeFileSync(file, content);
      const args = commandFor(name, file, folder);
      const ended = await runOne(args, folder, hook, limit);
      const fault = faultOf(ended, args, canary);
      if (fault) result.faults.push({ name, index: own, fault });
      if (ended.code === 0) result.read += 1;
      else result.refused += 1;
      if (ended.ms > result.slowest.ms) result.slowest = { name, ms: Math.round(ended.ms) };
      if (ended.peak > result.largest.bytes) result.largest = { name, bytes: ended.peak };
      if (!fault) rmSync(folder, { recursive: true });
      onFile(index);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (result.faults.length === 0) rmSync(root, { recursive: true });
  else result.kept = root;
  return result;
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { count: { type: 'string' }, seed: { type: 'string' } } });
  const started = performance.now();
  const result = await run({
    count: Number(values.count ?? 2000),
    seed: Number(values.seed ?? 1),
    onFile: (done) => done % 100 === 0 && process.stderr.write(`${done} files\n`),
  });
  process.stdout.write(
    `${JSON.stringify({ ...result, seconds: Math.round((performance.now() - started) / 1000) }, null, 2)}\n`,
  );
  process.exit(result.faults.length > 0 ? 1 : 0);
}
