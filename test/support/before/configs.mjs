// The experiments of test/fixtures/before, as small as the networks allow. The large eps of AdamW keeps tiny gradients from
// counting like large ones, so that another processor's rounding does not change the losses by more than rounding.
/** The run whose checkpoint is kept as it was written; of the others the outline is kept, with values from a formula. */
export const WHOLE = 'killed';

const common = { seed: 3, threads: 1, device: 'onednn', output: 'runs' };
const unet = { name: 'unet3d', featureSize: 4 };
const swin = { name: 'swin-unetr', featureSize: 12, depths: [1, 1, 1, 1] };

function pretraining(name, { method = {}, ...change } = {}) {
  return {
    kind: 'pretrain',
    name,
    ...common,
    data: {
      train: [{ datalist: 'spleens/dataset_0.json' }],
      validation: [{ datalist: 'spleens/dataset_0.json', key: 'validation' }],
      preprocess: { resize: [64, 64, 32], foreground: null },
      cache: { folder: 'cache' },
      workers: 0,
    },
    method: {
      grid: [2, 2, 1],
      crop: [32, 32, 32],
      input: [32, 32, 32],
      randomCrops: 2,
      projector: { hidden: 8, out: 8 },
      ...method,
    },
    network: unet,
    optimizer: { lr: 0.001, eps: 0.01 },
    schedule: { warmupSteps: 2 },
    train: { steps: 3, batch: 1, validateEvery: 3, checkpointEvery: 3 },
    ...change,
  };
}

function segmentation(name, change = {}) {
  return {
    kind: 'finetune',
    name,
    ...common,
    task: { name: 'spleen' },
    data: {
      train: [{ datalist: 'spleens/dataset_0.json' }],
      validation: [{ datalist: 'spleens/dataset_0.json', key: 'validation' }],
      preprocess: { spacing: null, resize: [32, 32, 32], foreground: null },
      cache: { folder: 'cache' },
    },
    crops: { size: [32, 32, 32], perVolume: 2 },
    network: unet,
    init: { checkpoint: 'runs/voco-10k/checkpoints/step-00000003.safetensors', encoderRate: 0.5 },
    optimizer: { lr: 0.003, eps: 0.01 },
    schedule: { warmupEpochs: 1 },
    train: { steps: 2, validateEvery: 2, checkpointEvery: 2 },
    inference: { overlap: 0 },
    ...change,
  };
}

/** Config by name; each is trained in a run directory of that name, in this order. */
export function baseConfigs() {
  return {
    'voco-10k': pretraining('voco-10k'),
    'cvpr-paper': pretraining('cvpr-paper', { method: { objective: 'cvpr-paper' } }),
    tpami: pretraining('tpami', {
      method: { objective: 'tpami' },
      train: { steps: 3, batch: 2, validateEvery: 3, checkpointEvery: 3 },
    }),
    killed: pretraining('killed', {
      method: { objective: 'cvpr-paper' },
      optimizer: { name: 'sgd', lr: 0.01, momentum: 0, clipNorm: 1 },
      train: { steps: 1000, batch: 1, validateEvery: 100, checkpointEvery: 3 },
    }),
    swin: pretraining('swin', {
      method: { grid: [2, 1, 1], input: [32, 32, 64], randomCrops: 1 },
      data: {
        train: [{ datalist: 'spleens/dataset_0.json' }],
        preprocess: { resize: [64, 32, 32], foreground: null },
        cache: { folder: 'cache' },
        workers: 0,
      },
      network: swin,
      train: { steps: 2, batch: 1, checkpointEvery: 2 },
    }),
    segmentation: segmentation('segmentation'),
    'swin-segmentation': segmentation('swin-segmentation', {
      data: {
        train: [{ datalist: 'spleens/dataset_0.json' }],
        validation: [{ datalist: 'spleens/dataset_0.json', key: 'validation' }],
        preprocess: { spacing: null, resize: [32, 32, 64], foreground: null },
        cache: { folder: 'cache' },
      },
      crops: { size: [32, 32, 64], perVolume: 1 },
      network: swin,
      init: {},
    }),
    classification: segmentation('classification', {
      task: { name: 'cc-ccii' },
      data: {
        train: [{ datalist: 'chests/training.csv' }],
        validation: [{ datalist: 'chests/validation.csv' }],
        preprocess: { spacing: null, foreground: null, resize: [32, 32, 32] },
        cache: { folder: 'cache' },
      },
      crops: { size: [32, 32, 32], perVolume: 1 },
      init: {},
    }),
    study: segmentation('study', {
      optimizer: { name: 'sgd', lr: 0.01, momentum: 0.9 },
      study: { cases: [2], seeds: [0] },
      train: { steps: 30, validateEvery: 30, checkpointEvery: 30 },
      augment: { flip: 0, rotate90: 0 },
    }),
  };
}
