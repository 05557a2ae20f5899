/** Runs whose cases turn out to be bad after they have begun: they go on without them, resume exactly, and end where none is left. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkConfig } from '../../src/check/dataset';
import { loadConfig } from '../../src/config';
import { describeRun } from '../../src/jobs/runText';
import { summarizeRun } from '../../src/jobs/runSummary';
import { latestCheckpoint, readSkipped } from '../../src/runs';
import { train } from '../../src/train';
import { readVolume, writeNifti } from '../../src/volume';
import { differingTensors, makeTinyPhantom, stepsOf, trainingDevice, writeConfig } from '../support/trainer';

const root = mkdtempSync(join(tmpdir(), 'voco-bad-cases-'));
afterAll(() => rmSync(root, { recursive: true }));

const quiet = (): void => undefined;
let device = '';

/** Breaks the checksum at the end of a file: its header stays right. */
function breakChecksum(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length - 8]! ^= 0xff;
  writeFileSync(file, bytes);
}

const images = (): string[] =>
  readdirSync(join(root, 'phantom/imagesTr'))
    .sort()
    .map((name) => join(root, 'phantom/imagesTr', name));

beforeAll(async () => {
  device = await trainingDevice();
  await makeTinyPhantom(root);
  const [, second, , held] = images();
  breakChecksum(second!);
  breakChecksum(held!);
});

const config = (name: string, data: Record<string, unknown>, steps = 6): string =>
  writeConfig(root, name, device, {
    data: { cache: { folder: `cache-${name}` }, validation: [], ...data },
    train: { steps, batch: 1, validateEvery: 3, checkpointEvery: 3, keepLast: 9 },
  });

describe('a bad case that only its voxels show', () => {
  it('stops a run by default, with its name and what to do', async () => {
    const run = train('pretrain', { configFile: config('stop', {}), resume: false, set: [] }, quiet);
    await expect(run).rejects.toThrow(/img0002\.nii\.gz: .*damaged.*; or set data\.onBadCase to "skip"/);
  });

  it('is skipped, and the run is the same whether that was known before', async () => {
    const late = await train(
      'pretrain',
      { configFile: config('late', { onBadCase: 'skip' }), resume: false, set: [] },
      quiet,
    );
    const known = config('known', { onBadCase: 'skip' });
    await checkConfig((await loadConfig(known)).config, known, { depth: 'voxels', downstream: [] });
    const early = await train('pretrain', { configFile: known, resume: false, set: [] }, quiet);
    expect(await stepsOf(early.runDir)).toEqual(await stepsOf(late.runDir));
    for (const { runDir } of [late, early]) {
      expect((await readSkipped(runDir)).map(({ image, part }) => [basename(image), part])).toEqual([
        ['img0002.nii.gz', 'train'],
      ]);
      expect(describeRun(await summarizeRun(runDir))).toContain('1 case left out as bad');
      expect(readFileSync(join(runDir, 'log.txt'), 'utf8')).toMatch(/left out \(data\.onBadCase\).*img0002/);
    }
  });

  it('stays skipped when the run is resumed, even when the file was mended', async () => {
    const file = config('whole', { onBadCase: 'skip' });
    const whole = await train('pretrain', { configFile: file, resume: false, set: [] }, quiet);
    const cut = config('cut', { onBadCase: 'skip' }, 3);
    const { runDir } = await train('pretrain', { configFile: cut, resume: false, set: [] }, quiet);
    const broken = readFileSync(images()[1]!);
    const [good] = images();
    const { volume } = await readVolume(good!);
    await writeNifti(images()[1]!, volume);
    await train('pretrain', { runDir, resume: true, set: ['train.steps=6'] }, quiet);
    writeFileSync(images()[1]!, broken);
    const [a, b] = await Promise.all([whole.runDir, runDir].map((dir) => latestCheckpoint(dir, quiet)));
    expect(await differingTensors(a!.file, b!.file)).toEqual([]);
  });

  it('is left out of validation, which must keep a case', async () => {
    const held = [{ datalist: 'phantom/dataset_0.json', key: 'validation' }];
    const run = train(
      'pretrain',
      { configFile: config('held', { onBadCase: 'skip', validation: held }), resume: false, set: [] },
      quiet,
    );
    await expect(run).rejects.toThrow(
      /the only case held out is bad.*img0004[^]*name others in data\.validation.*--set data\.validation=\[\]/,
    );
  });

  it('ends a run that has no other', async () => {
    const file = config('none', { onBadCase: 'skip', train: [{ glob: 'phantom/imagesTr/img000[24].nii.gz' }] });
    await expect(train('pretrain', { configFile: file, resume: false, set: [] }, quiet)).rejects.toThrow(
      /all 2 cases to train on are bad[^]*voco check CONFIG.*name others in data\.train/,
    );
  });
});
