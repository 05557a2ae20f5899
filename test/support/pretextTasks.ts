import type { NetworkConfig } from '../../src/nets';
import { completeSection, type SectionSchema } from '../../src/nets/descriptor';
import { describedSection } from '../../src/nets/descriptors';
import { pretextDescriptors, type PretextName } from '../../src/pretext/descriptors';

/** One pretext task on a small scale, for the tests that every task must pass. */
export interface SmallTask {
  /** The section `method`, of crops that take some 50 ms a step. */
  readonly method: { readonly name: string; readonly [key: string]: unknown };
  /** Networks that learn it here in the short form of the tests: names of {@link smallNetworks}. See {@link everyNetworkOf}. */
  readonly networks: readonly string[];
  /** Its checkpoints hold a decoder. */
  readonly decoder: boolean;
  /** A key of the section, a bad value of it, and what the line must say. */
  readonly bad: readonly (readonly [key: string, value: unknown, line: RegExp])[];
}

const anywhere = ['unet3d', 'segresnet', 'primus', 'resenc-unet'];
const all = [...anywhere, 'swin-unetr'];
/** Those that show what batch norms do to a loss: of rows alone, of pairs, and of both. */
const withBatchNorm = [...all, 'segresnet-ct-fm'];
/** Swin-UNETR wants more than 32 voxels along one axis. */
const crop = [32, 32, 64];

/** All tasks but VoCo, which has tests of its own: one line a task. The compiler refuses a task without one. */
export const smallTasks: Readonly<Record<Exclude<PretextName, 'voco'>, SmallTask>> = {
  mae: {
    method: { name: 'mae', crop, block: 8, perVolume: 2 },
    networks: withBatchNorm,
    decoder: true,
    bad: [
      ['block', 12, /^method\.block: blocks of 12 voxels do not tile crops of 32×32×64/],
      ['crop', [8, 8, 8], /^method\.block: one block of 8 voxels is the whole crop/],
      ['ratio', 1, /^method\.ratio: must be (less than|below) 1/],
      ['ratio', 0, /^method\.ratio: must be (greater than|above|more than) 0/],
      ['perVolume', 0, /^method\.perVolume: must be 1 or more/],
      ['crop', [32, 32, 30], /^method\.crop: every axis must be a multiple of/],
    ],
  },
  genesis: {
    method: { name: 'genesis', crop, perVolume: 2 },
    networks: all,
    decoder: true,
    bad: [
      ['shuffle', 1.5, /^method\.shuffle: must be 1 or less/],
      ['paint', -0.1, /^method\.paint: must be 0 or more/],
    ],
  },
  'volume-fusion': {
    method: { name: 'volume-fusion', crop, perVolume: 2 },
    networks: all,
    decoder: true,
    bad: [
      ['classes', 1, /^method\.classes: must be 2 or more/],
      ['boxes', [9, 3], /^method\.boxes: must rise, is \[9,3\]/],
    ],
  },
  rotation: {
    method: { name: 'rotation', crop, perVolume: 2, turns: 'axial' },
    networks: all,
    decoder: false,
    bad: [
      ['turns', 'all', /^method\.crop: turns about all axes need cubes, is 32×32×64/],
      ['crop', [16, 32, 64], /^method\.crop: turns about z need crops as long along x as along y/],
      ['augment', { flip: 0.5 }, /^method\.augment\.flip: two flips are a turn by 180°/],
    ],
  },
  'rotate-restore': {
    method: { name: 'rotate-restore', crop, perVolume: 2, turns: 'axial' },
    networks: all,
    decoder: true,
    bad: [['turns', 'sagittal', /^method\.turns: must be "all" or "axial"/]],
  },
  position: {
    method: { name: 'position', grid: [1, 1, 2], crop: [32, 32, 32], perVolume: 2 },
    networks: anywhere,
    decoder: false,
    bad: [
      ['grid', [1, 1, 1], /^method\.grid: one place leaves nothing to tell/],
      ['grid', [3, 1, 1], /^method\.grid: 3×1×1 places of 32×32×32 need 96×32×32 voxels, more than the volume's/],
      ['labels', 'medium', /^method\.labels: must be "hard" or "soft"/],
    ],
  },
  jigsaw: {
    method: { name: 'jigsaw', crop: [36, 36, 68], gap: 4, perVolume: 2, permutations: 10 },
    networks: anywhere,
    decoder: false,
    bad: [
      ['cubes', 4, /^method\.cubes: must be 2 or 3/],
      ['crop', [30, 30, 30], /^method\.crop: of its cubes, every axis must be a multiple of 16/],
    ],
  },
  simclr: {
    method: { name: 'simclr', crop, perVolume: 2, projector: { hidden: 16, out: 8 } },
    networks: withBatchNorm,
    decoder: false,
    bad: [
      ['temperature', 0, /^method\.temperature: must be (more|greater|above) .* ?0/],
      ['overlap', 0, /^method\.overlap: the crops of a pair need not overlap at all/],
    ],
  },
  spark: {
    method: { name: 'spark', crop, block: 8, perVolume: 2, ratio: [0.6, 0.9] },
    networks: ['unet3d', 'resenc-unet'],
    decoder: true,
    bad: [
      ['ratio', [0.9, 0.6], /^method\.ratio: must rise, is \[0\.9,0\.6\]/],
      ['ratio', [0.9, 1], /^method\.ratio\[1\]: must be .* 1/],
      ['block', 12, /^method\.block: blocks of 12 voxels do not tile/],
    ],
  },
  simmim: {
    method: { name: 'simmim', crop, block: 8, perVolume: 2 },
    networks: ['swin-unetr', 'primus'],
    decoder: false,
    bad: [['ratio', 1, /^method\.ratio: must be (less than|below) 1/]],
  },
  'swin-ssl': {
    method: { name: 'swin-ssl', crop, perVolume: 2, embedding: 16 },
    networks: withBatchNorm,
    decoder: false,
    bad: [
      ['crop', [16, 32, 64], /^method\.crop: turns about z need crops as long/],
      ['temperature', 0, /^method\.temperature: must be (more|greater|above) .* ?0/],
    ],
  },
};

export const smallNetworks: Readonly<Record<string, NetworkConfig>> = {
  unet3d: { name: 'unet3d', featureSize: 4 },
  segresnet: { name: 'segresnet', initFilters: 8, blocksDown: [1, 1, 1, 1] },
  'segresnet-ct-fm': { name: 'segresnet', variant: 'ct-fm', initFilters: 4, blocksDown: [1, 1, 1, 1] },
  'swin-unetr': { name: 'swin-unetr', featureSize: 12 },
  'resenc-unet': { name: 'resenc-unet', stages: 4, features: [4, 8, 12], blocks: [1, 2, 1] },
  primus: { name: 'primus', size: null, embedDim: 24, depth: 2, heads: 2 },
};

/** All small networks that can learn a task and take its small crops, as their descriptors say. */
export function everyNetworkOf({ method }: SmallTask): readonly string[] {
  const { refuses } = pretextDescriptors.get(method.name);
  const size = inputSize(method) as [number, number, number];
  return Object.keys(smallNetworks).filter((name) => {
    const { descriptor, section } = describedSection(smallNetwork(name, size));
    return refuses?.(descriptor) === undefined && descriptor.sizeProblem(section, size) === undefined;
  });
}

/** The decoder of Primus depends on what it gives: no other task takes it over. */
export const handsDecoderOn = (network: string): boolean => network !== 'primus';

/** A small network for crops of this size. */
export const smallNetwork = (name: string, size: readonly number[]): object => ({
  ...smallNetworks[name],
  ...(name === 'primus' && { crop: size }),
});

/** What passes through the network. */
function inputSize(method: SmallTask['method']): readonly number[] {
  const { schema, networkInput } = pretextDescriptors.get(method.name);
  return networkInput(completeSection(schema as unknown as SectionSchema, method)).size;
}

/** A transformer's step takes ten times that of a small U-Net. */
const SHORT = { steps: 4, batch: 1, validateEvery: 2, checkpointEvery: 2 };
const LONG = { steps: 6, batch: 2, validateEvery: 3, checkpointEvery: 3 };

/** Steps of a small network, and how often it is validated and saved: twice. */
export const lengthOf = (network: string): typeof LONG =>
  ({ 'swin-unetr': SHORT, primus: { ...SHORT, batch: 2 } })[network] ?? LONG;

/** A config that pre-trains a small network with a task, on the phantom of `makeTinyPhantom`. */
export const smallConfig = ({ method }: SmallTask, network: string, device: string) => ({
  kind: 'pretrain',
  name: method.name,
  seed: 3,
  device,
  threads: 1,
  output: 'runs',
  data: {
    train: [{ datalist: 'phantom/dataset_0.json' }],
    validation: [{ datalist: 'phantom/dataset_0.json', key: 'validation' }],
    preprocess: { resize: [48, 48, 80], foreground: null },
    cache: { folder: 'cache' },
    workers: 0,
  },
  method,
  network: smallNetwork(network, inputSize(method)),
  optimizer: { lr: 0.001 },
  schedule: { name: 'constant' },
  train: { ...lengthOf(network), microBatch: 3, keepLast: 9 },
});
