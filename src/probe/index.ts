import { resolve } from 'node:path';
import { sizesOf, type CropSizes } from '../catalog/cropSizes';
import { imageFiles, type Case } from '../data/datalist';
import { UsageError, UserError } from '../errors/userError';
import { writeFileAtomically } from '../files/atomic';
import { checkOutputs } from '../files/outputs';
import type { Vec3 } from '../geometry';
import { meanDifference } from '../metrics';
import type { ProbeReport, ProbeSeed, ProbeTask } from '../protocol/probe';
import { breathe, givingWay } from '../rpc/breath';
import { Interruption } from '../rpc/interruption';
import type { Branch } from '../runs/import';
import { useDevice } from '../tensor/backends';
import { counted } from '../text';
import { ProgressBar } from '../text/progressBar';
import { version } from '../text/version';
import type { Say } from '../train/types';
import { findProbed } from './cases';
import { batchSize, encodeCrops, type EncodedCrops, type EncodeRequest } from './features';
import { guessOf, LEAST_VOLUMES, PROBE, probe, splitVolumes } from './linearProbe';
import { findNetwork, openProbed, randomEncoder, type Choice, type ProbedNetwork } from './networks';
import { openScenes, type Scenes } from './scenes';

export interface ProbeJob extends Choice {
  /** A run or a file of weights for all seeds; or several, one for each seed. */
  readonly paths: readonly string[];
  readonly branch?: Branch | undefined;
  /** A list or a folder of volumes; by default those of the config. */
  readonly data?: string | undefined;
  /** By default organs where enough cases have labels, else positions. */
  readonly task?: ProbeTask | undefined;
  readonly seeds: number;
  /** The first seed; the others follow it. */
  readonly seed: number;
  /** Crops under each seed, over all volumes. */
  readonly crops: number;
  /** Voxels of a crop; by default those of the crops that the network was trained on. */
  readonly crop?: Vec3 | undefined;
  readonly device?: string | undefined;
  /** A JSON file for the report. */
  readonly out?: string | undefined;
  /** Replaces the file where it is there. */
  readonly force?: boolean;
}

/** What all seeds share. */
interface Setting {
  readonly networks: readonly ProbedNetwork[];
  readonly sizes: CropSizes;
  readonly cases: readonly Case[];
  readonly scenes: Scenes;
}

function refuseUnlike([first, ...others]: readonly ProbedNetwork[]): void {
  const said = ({ config }: ProbedNetwork): string =>
    JSON.stringify([config.network, config.data.preprocess, config.data.channel, sizesOf(config)]);
  const other = others.find((one) => said(one) !== said(first!));
  if (other)
    throw new UsageError(
      `${other.file}: has another network, preprocessing or crop than ${first!.file}; probe them one by one`,
    );
}

function refuseFewVolumes(cases: readonly unknown[], what: string): void {
  if (cases.length >= LEAST_VOLUMES) return;
  throw new UserError(
    `${counted(cases.length, 'volume')} ${what}; a probe needs at least ${LEAST_VOLUMES}, to train on some and test on others: name more with --data`,
  );
}

async function findAll({ paths, seeds, checkpoint, configFile }: ProbeJob, say: Say): Promise<ProbedNetwork[]> {
  if (paths.length > 1 && paths.length !== seeds)
    throw new UsageError(`voco probe: ${paths.length} runs are ${paths.length} seeds, not ${seeds}; leave --seeds out`);
  const networks: ProbedNetwork[] = [];
  for (const path of paths) networks.push(await findNetwork(path, { checkpoint, configFile }, say));
  refuseUnlike(networks);
  return networks;
}

/** Channels of the encoder's scales. @throws UsageError for a crop that the network cannot take */
function channelsFor({ file, config }: ProbedNetwork, { input }: CropSizes): number[] {
  const encoder = randomEncoder(config, 0);
  try {
    encoder.checkSize(input);
    return encoder.scales.map(({ channels }) => channels);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UsageError(`${file}: ${error.message}; name another size with --crop`);
  } finally {
    encoder.dispose();
  }
}

/** Crops of one seed under the pre-trained network and a random one. */
async function encodeSeed(
  job: ProbeJob,
  { networks, ...setting }: Setting,
  seed: number,
  rest: Pick<EncodeRequest, 'signal' | 'onProgress' | 'onBadCase'>,
): Promise<EncodedCrops> {
  const network = networks[networks.length > 1 ? seed - job.seed : 0]!;
  const pretrained = await openProbed(network, job.branch);
  const random = randomEncoder(network.config, seed);
  try {
    const encoders = [
      { encoder: pretrained, name: network.file },
      { encoder: random, name: 'random weights' },
    ];
    const batch = batchSize(network.config, setting.sizes);
    return await encodeCrops({ ...setting, ...rest, crops: job.crops, batch, seed, encoders });
  } finally {
    pretrained.dispose();
    random.dispose();
  }
}

/** Trains and tests the probes of one seed. */
async function scoreSeed(
  { features, cases, ...crops }: EncodedCrops,
  { seed, checkpoint }: Pick<ProbeSeed, 'seed' | 'checkpoint'>,
  signal: AbortSignal,
): Promise<ProbeSeed> {
  refuseFewVolumes(cases, 'can be asked');
  const split = splitVolumes(cases.length, seed);
  const giveWay = (): Promise<void> => breathe(signal);
  const names = (volumes: readonly number[]): string[] => volumes.map((volume) => cases[volume]!.id).sort();
  return {
    ...{ seed, checkpoint },
    ...guessOf(crops, split),
    trainVolumes: names(split.train),
    testVolumes: names(split.test),
    pretrained: await givingWay(probe(features[0]!, crops, split), giveWay),
    random: await givingWay(probe(features[1]!, crops, split), giveWay),
  };
}

interface Scored {
  readonly seeds: ProbeSeed[];
  readonly labels: ReadonlySet<number>;
  readonly volumes: ReadonlySet<string>;
}

/** With `data.onBadCase` "skip": tells of each bad case once. */
function tellBadCases({ networks }: Setting, say: Say): EncodeRequest['onBadCase'] {
  if (networks[0]!.config.data.onBadCase !== 'skip') return undefined;
  const told = new Set<string>();
  return ({ image, message }) => {
    if (!told.has(image)) say(`left out (data.onBadCase): ${message}`);
    told.add(image);
  };
}

async function scoreSeeds(job: ProbeJob, setting: Setting, signal: AbortSignal): Promise<Scored> {
  const bar = new ProgressBar('probing', job.seeds * job.crops);
  const [labels, volumes] = [new Set<number>(), new Set<string>()];
  const seeds: ProbeSeed[] = [];
  const onBadCase = tellBadCases(setting, (text) => bar.message(text));
  for (let i = 0; i < job.seeds; i++) {
    const onProgress = (done: number): void => bar.update(i * job.crops + done, `seed ${i + 1} of ${job.seeds}`);
    const encoded = await encodeSeed(job, setting, job.seed + i, { signal, onProgress, onBadCase });
    encoded.labels.forEach((label) => labels.add(label));
    encoded.cases.forEach(({ id }) => volumes.add(id));
    const named = { seed: job.seed + i, checkpoint: setting.networks.length > 1 ? i : 0 };
    seeds.push(await scoreSeed(encoded, named, signal));
  }
  bar.end();
  return { seeds, labels, volumes };
}

/**
 * Probes the frozen features of networks against those of random weights of the same architecture: under each seed, both see the
 * same crops, and a linear classifier of each is trained on some volumes and tested on others.
 *
 * @throws UsageError for a wrong request, UserError naming the file at fault, Interrupted after a signal
 */
export async function probeRun(job: ProbeJob, say: Say): Promise<ProbeReport> {
  const networks = await findAll(job, say);
  const { config } = networks[0]!;
  const outputs = job.out === undefined ? [] : [resolve(job.out)];
  const read = [
    ...networks.map(({ file }) => file),
    ...[job.configFile, job.data].filter((file) => file !== undefined),
  ];
  await checkOutputs({ outputs, inputs: read, force: job.force });
  const { cases, task } = await findProbed(config, job.data, job.task, say);
  refuseFewVolumes(cases, `found${job.data === undefined ? '' : ` in ${job.data}`}`);
  await checkOutputs({
    outputs,
    inputs: cases.flatMap((item) => [...imageFiles(item), item.label ?? []].flat()),
    force: true,
  });
  const interruption = new Interruption();
  try {
    const device = await useDevice(job.device ?? 'auto', { threads: config.threads });
    say(`device: ${device.name}, ${device.description}`);
    const sizes = job.crop ? { crop: job.crop, input: job.crop } : sizesOf(config);
    const channels = channelsFor(networks[0]!, sizes);
    const scenes = openScenes(task, config, sizes.crop, cases, say);
    const setting = { networks, sizes, cases, scenes };
    const { seeds, labels, volumes } = await scoreSeeds(job, setting, interruption.signal);
    const differences = seeds.map(({ pretrained, random }) => pretrained.accuracy - random.accuracy);
    const report: ProbeReport = {
      ...{ format: 1, version, task },
      checkpoints: networks.map(({ file, step }) => ({ file, step })),
      network: { ...config.network },
      data: job.data === undefined ? null : resolve(job.data),
      preprocess: { ...config.data.preprocess },
      ...sizes,
      features: { channels, length: channels.reduce((sum, count) => sum + count, 0) },
      classes: await scenes.namesOf([...labels].sort((a, b) => a - b)),
      probe: PROBE,
      device: device.name,
      volumes: volumes.size,
      crops: job.crops,
      seeds,
      difference: meanDifference(differences),
    };
    if (outputs[0] !== undefined) await writeFileAtomically(outputs[0], `${JSON.stringify(report, null, 2)}\n`);
    return report;
  } finally {
    interruption.dispose();
  }
}
