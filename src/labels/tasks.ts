import { BTCV_CLASSES, type LabelClass } from './organs';

/** How a network predicts classes: one per voxel, several per voxel, or one per volume. */
export type TaskOutput = 'softmax' | 'sigmoid' | 'classification';

/** A class that a network predicts. Background has none. */
export interface TaskClass {
  readonly name: string;
  /** Values of the label map that belong to it (of the CSV's label column, for classification). */
  readonly values: readonly number[];
  readonly colour: string;
}

/** A figure of a publication, to be drawn as a reference mark: never measured here. */
export interface PublishedScore {
  readonly metric: 'dice' | 'accuracy';
  /** 0 to 1. */
  readonly value: number;
  readonly of: string;
}

export interface TaskTable {
  readonly title: string;
  readonly output: TaskOutput;
  readonly classes: readonly TaskClass[];
  readonly published: readonly PublishedScore[];
}

const fromOrgans = (organs: readonly LabelClass[]): TaskClass[] =>
  organs.filter(({ value }) => value > 0).map(({ value, name, colour }) => ({ name, values: [value], colour }));

const voco = (metric: PublishedScore['metric'], value: number): PublishedScore[] => [
  { metric, value, of: 'VoCo, Swin-UNETR (CVPR 2024)' },
];

/** Downstream tasks: those of the CVPR paper with its mean score, and those of the Decathlon in MRI. */
export const TASKS = {
  btcv: {
    title: 'BTCV: 13 abdominal organs in CT',
    output: 'softmax',
    classes: fromOrgans(BTCV_CLASSES),
    published: voco('dice', 0.8385),
  },
  lits: {
    title: 'LiTS: liver and liver tumour in CT',
    output: 'softmax',
    classes: [
      { name: 'liver', values: [1], colour: '#c77b58' },
      { name: 'liver tumour', values: [2], colour: '#ffe119' },
    ],
    published: voco('dice', 0.9652),
  },
  spleen: {
    title: 'MSD Spleen: spleen in CT',
    output: 'softmax',
    classes: [{ name: 'spleen', values: [1], colour: '#e6194b' }],
    published: voco('dice', 0.9634),
  },
  'mm-whs': {
    title: 'MM-WHS: parts of the heart in CT',
    output: 'softmax',
    classes: [
      { name: 'left ventricle', values: [1], colour: '#e6194b' },
      { name: 'aorta', values: [2], colour: '#ff9d5c' },
      { name: 'right ventricle', values: [3], colour: '#4363d8' },
      { name: 'left atrium', values: [4], colour: '#f032e6' },
      { name: 'left ventricular myocardium', values: [5], colour: '#ffe119' },
      { name: 'right atrium', values: [6], colour: '#42d4f4' },
      { name: 'pulmonary artery', values: [7], colour: '#3cb44b' },
    ],
    published: voco('dice', 0.9054),
  },
  brats21: {
    title: 'BraTS 21: brain tumour regions in four MRI sequences',
    output: 'sigmoid',
    classes: [
      { name: 'enhancing tumour', values: [4], colour: '#ffe119' },
      { name: 'tumour core', values: [1, 4], colour: '#e6194b' },
      { name: 'whole tumour', values: [1, 2, 4], colour: '#3cb44b' },
    ],
    published: voco('dice', 0.7853),
  },
  'cc-ccii': {
    title: 'CC-CCII: pneumonia in chest CT, one class a volume',
    output: 'classification',
    classes: [
      { name: 'common pneumonia', values: [0], colour: '#f58231' },
      { name: 'COVID-19', values: [1], colour: '#e6194b' },
      { name: 'normal', values: [2], colour: '#3cb44b' },
    ],
    published: voco('accuracy', 0.9083),
  },
  hippocampus: {
    title: 'MSD Hippocampus: anterior and posterior part in MRI',
    output: 'softmax',
    classes: [
      { name: 'anterior', values: [1], colour: '#e6194b' },
      { name: 'posterior', values: [2], colour: '#4363d8' },
    ],
    published: [],
  },
  brats: {
    title: 'MSD BrainTumour: brain tumour regions in four MRI sequences',
    output: 'sigmoid',
    // The values of the Decathlon are 1 oedema, 2 other core, 3 enhancing; those of BraTS 21 are others.
    classes: [
      { name: 'enhancing tumour', values: [3], colour: '#ffe119' },
      { name: 'tumour core', values: [2, 3], colour: '#e6194b' },
      { name: 'whole tumour', values: [1, 2, 3], colour: '#3cb44b' },
    ],
    published: [],
  },
  heart: {
    title: 'MSD Heart: left atrium in MRI',
    output: 'softmax',
    classes: [{ name: 'left atrium', values: [1], colour: '#e6194b' }],
    published: [],
  },
} as const satisfies Record<string, TaskTable>;

export type TaskName = keyof typeof TASKS;
