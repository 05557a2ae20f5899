/** Images in other units than a network was trained on are never segmented silently. */
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { segment, type SegmentRequest } from '../../src/evaluate/segment';
import { RandomStream } from '../../src/random/random';
import { latestCheckpoint } from '../../src/runs';
import { train } from '../../src/train';
import { readVolume, writeNifti, type Volume } from '../../src/volume';
import { trainingDevice } from '../support/trainer';
import { quiet, runsFolder, writeFinetune } from '../unit/downstream/support';

const folder = runsFolder('field-segment');
const at = (name: string): string => join(folder, name);
const SIDE = 24;
let checkpoint = '';
let device = '';

/** Air, fat, soft tissue and a liver, of which the label map tells. */
function body(): { hu: Float32Array; liver: Uint8Array } {
  const random = new RandomStream(4);
  const hu = new Float32Array(SIDE ** 3);
  const liver = new Uint8Array(SIDE ** 3);
  for (let n = 0; n < hu.length; n++) {
    const [x, y] = [Math.floor(n / SIDE ** 2), Math.floor(n / SIDE) % SIDE];
    const r = Math.hypot(x - 11.5, y - 11.5);
    liver[n] = x > 8 && x < 14 && y > 8 && y < 14 ? 1 : 0;
    hu[n] = Math.round((r > 11 ? -1000 : r > 9 ? -100 : liver[n] ? 150 : 40) + random.range(-10, 10));
  }
  return { hu, liver };
}

const volume = (data: Volume['data']): Volume => ({
  data,
  shape: [1, SIDE, SIDE, SIDE],
  affine: Float64Array.of(2, 0, 0, -40, 0, 2, 0, -40, 0, 0, 2, -40, 0, 0, 0, 1),
});

beforeAll(async () => {
  device = await trainingDevice();
  process.env.VOCO_CACHE_DIR = at('cache');
  const { hu, liver } = body();
  await writeNifti(at('ct.nii.gz'), volume(Int16Array.from(hu)));
  await writeNifti(at('ct-label.nii.gz'), volume(liver));
  await writeNifti(at('shifted.nii.gz'), volume(Int16Array.from(hu, (value) => value + 1024)));
  await writeNifti(at('wrapped.nii.gz'), volume(Uint16Array.from(hu, (value) => value & 0xffff)));
  writeFileSync(at('list.json'), JSON.stringify({ training: [{ image: 'ct.nii.gz', label: 'ct-label.nii.gz' }] }));
  const configFile = writeFinetune(folder, 'one', {
    seed: 1,
    device,
    task: { name: 'custom', classes: [{ name: 'liver', values: [1] }] },
    data: {
      train: [{ datalist: 'list.json' }],
      preprocess: { spacing: null, foreground: null },
      cache: { folder: 'cache' },
    },
    crops: { size: [16, 16, 32], perVolume: 2 },
    network: { name: 'unet3d', featureSize: 4 },
    train: { steps: 12, validateEvery: 12, checkpointEvery: 12 },
    inference: { overlap: 0.25 },
  });
  const { runDir } = await train('finetune', { configFile, resume: false, set: ['data.validationFraction=0'] }, quiet);
  checkpoint = (await latestCheckpoint(runDir, quiet))!.file;
});

const run = (images: readonly string[], out: string, more: Partial<SegmentRequest> = {}, said: string[] = []) =>
  segment({ images: images.map((name) => at(`${name}.nii.gz`)), checkpoint, out: at(out), device, ...more }, (text) =>
    said.push(text),
  );
const labels = async (out: string, name: string) => (await readVolume(at(`${out}/${name}.nii.gz`))).volume.data;

describe('voco segment of images in other units than the network was trained on', () => {
  it('refuses them by name with the keys to set, and segments the others', async () => {
    const said: string[] = [];
    const { files, failures } = await run(['shifted', 'ct', 'wrapped'], 'out', {}, said);
    expect(files).toEqual([at('out/ct.nii.gz')]);
    expect(failures.map(({ name }) => name)).toEqual([at('shifted.nii.gz'), at('wrapped.nii.gz')]);
    expect(failures[0]!.reason).toMatch(
      /shifted\.nii\.gz: not in Hounsfield units: .*1024 too high.*--set data\.preprocess\.intensity\.offset=-1024/,
    );
    expect(failures[1]!.reason).toMatch(/wrapped\.nii\.gz: .*--set data\.preprocess\.intensity\.unwrap=true/);
    expect(said.join('\n')).not.toMatch(/trains on|all volumes|intensity\.kind/);
    expect(existsSync(at('out/shifted.nii.gz'))).toBe(false);
  });

  it('gives the same label map when it is told how they are stored', async () => {
    const right = await labels('out', 'ct');
    expect(right.some((value) => value === 1)).toBe(true);
    await run(['shifted'], 'offset', { set: ['data.preprocess.intensity.offset=-1024'] });
    expect(await labels('offset', 'shifted')).toEqual(right);
    await run(['wrapped'], 'unwrap', { set: ['data.preprocess.intensity.unwrap=true'] });
    expect(await labels('unwrap', 'wrapped')).toEqual(right);
  });

  it('segments them as they are when asked to', async () => {
    const { files } = await run(['shifted'], 'anyway', { set: ['data.preprocess.intensity.check=false'] });
    expect(files).toHaveLength(1);
  });

  it('names the checkpoint of a run that is given in its place', async () => {
    const runDir = dirname(dirname(checkpoint));
    await expect(run(['ct'], 'folder', { checkpoint: runDir })).rejects.toThrow(
      `${runDir}: is a folder, not a checkpoint; the best checkpoint of this run is ${checkpoint}`,
    );
    await expect(run(['ct'], 'folder', { checkpoint: folder })).rejects.toThrow(/is a folder, not a checkpoint; name/);
  });

  it('names a wrong override', async () => {
    await expect(run(['ct'], 'wrong', { set: ['data.preprocess.intensity.ofset=-1024'] })).rejects.toThrow(
      /--set data\.preprocess\.intensity\.ofset=-1024: .*offset/,
    );
  });
});
