import { join, resolve } from 'node:path';
import { loadConfig, type PretrainConfig } from '../config';
import { imageFiles } from '../data/datalist';
import { UsageError } from '../errors/userError';
import { writeFileAtomically } from '../files/atomic';
import { checkOutputs } from '../files/outputs';
import type { LocateReport } from '../protocol/locate';
import { useDevice } from '../tensor/backends';
import { composeAffine, writeNifti, type Affine } from '../volume';
import { Interruption } from '../rpc/interruption';
import { findUnlabelledCases } from '../pretext/cases';
import { ProgressBar } from '../text/progressBar';
import type { Say } from '../train/types';
import { Locator } from './locator';

export { Locator, type LocateOptions, type ImageQuestion, type LocateRequest } from './locator';

export interface LocateJob {
  readonly checkpoint: string;
  /** Preprocessing, grid and data; by default those of the checkpoint's run. */
  readonly configFile?: string | undefined;
  /** Name of a case of the config; by default its first held-out one. */
  readonly caseId?: string | undefined;
  /** Files of one image, instead of a case. */
  readonly image?: readonly string[] | undefined;
  readonly positions: number;
  readonly seed: number;
  readonly device?: string | undefined;
  /** Folder for locate.json and error.nii.gz. */
  readonly out?: string | undefined;
  /** Replaces files of these names that are there. */
  readonly force?: boolean;
}

async function filesOf(config: PretrainConfig, { caseId, image }: LocateJob): Promise<readonly string[]> {
  if (image) return image.map((file) => resolve(file));
  const { train, validation } = await findUnlabelledCases(config);
  const all = [...validation, ...train];
  const chosen = caseId === undefined ? all[0] : all.find(({ id }) => id === caseId);
  if (!chosen) {
    const some = all.slice(0, 5).map(({ id }) => id);
    throw new UsageError(`--case ${caseId}: no such case; the config has ${all.length}, such as ${some.join(', ')}`);
  }
  return imageFiles(chosen);
}

/** The map as a volume that lies on the image: values in millimetres at its nodes. */
export async function writeErrorMap(file: string, { map, volume }: LocateReport): Promise<void> {
  const [x, y, z] = map.step;
  const nodes = Float64Array.of(x, 0, 0, map.origin[0], 0, y, 0, map.origin[1], 0, 0, z, map.origin[2], 0, 0, 0, 1);
  const affine = composeAffine(Float64Array.from(volume.affine) as Affine, nodes as Affine);
  const data = Float32Array.from(map.values);
  await writeNifti(file, { data, shape: [1, ...map.counts], affine }, { description: 'VoCo position error, mm' });
}

/**
 * Asks a checkpoint where random crops of an image are, and writes what it answers.
 *
 * @throws UsageError for a wrong request, UserError naming the file at fault; AbortError when interrupted
 */
export async function locate(job: LocateJob, say: Say): Promise<LocateReport> {
  const checkpoint = resolve(job.checkpoint);
  const outputs = job.out === undefined ? [] : [join(job.out, 'locate.json'), join(job.out, 'error.nii.gz')];
  const inputs = [checkpoint, ...(job.image ?? []), ...(job.configFile ? [job.configFile] : [])];
  await checkOutputs({ outputs, inputs, force: job.force });
  const given = job.configFile && (await loadConfig(job.configFile, { kind: 'pretrain' })).config;
  const locator = new Locator(say);
  const controller = new AbortController();
  const interruption = new Interruption(() => controller.abort());
  try {
    const device = await useDevice(job.device ?? (given ? given.device : 'auto'), {
      threads: given ? given.threads : 0,
    });
    say(`device: ${device.name}, ${device.description}`);
    const config = given || (await locator.open(checkpoint)).config;
    const files = await filesOf(config, job);
    await checkOutputs({ outputs, inputs: files, force: true });
    const bar = new ProgressBar('asking the network', 100);
    const { positions, seed } = job;
    const report = await locator.locate(
      { checkpoint, config, files, positions, seed },
      { signal: controller.signal, onProgress: (done, total) => bar.update(Math.floor((100 * done) / total)) },
    );
    bar.end();
    if (job.out) {
      await writeFileAtomically(join(job.out, 'locate.json'), `${JSON.stringify(report)}\n`);
      if (report.map.values.length > 0) await writeErrorMap(join(job.out, 'error.nii.gz'), report);
      else say('the network gave no answer anywhere, so there is no error map');
    }
    return report;
  } finally {
    interruption.dispose();
    locator.dispose();
  }
}
