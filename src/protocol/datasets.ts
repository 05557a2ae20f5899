/** What `voco check --json` prints. */
export type Severity = 'error' | 'warning' | 'info';

/** One thing that is wrong or odd about a data set. */
export interface Finding {
  /** error: the run would fail or be wrong; warning: probably not meant; info: good to know. */
  readonly severity: Severity;
  /** The image, label or datalist it is about. */
  readonly file: string;
  readonly message: string;
  readonly advice: string;
  /** An image that is trained on and held out. */
  readonly leakage?: boolean;
}

export interface CheckReport {
  /** How many volumes were looked at, held-out ones included. */
  readonly volumes: number;
  /** How many of the cases have region masks, by kind: "12 anonymisation masks". */
  readonly regionMasks: readonly string[];
  readonly findings: readonly Finding[];
}

/** A data source as written in a config, which may be wrong in any way. */
export interface WrittenSource {
  readonly datalist?: unknown;
  readonly key?: unknown;
  readonly folds?: unknown;
  readonly baseDir?: unknown;
  readonly folder?: unknown;
  readonly glob?: unknown;
  readonly channel?: unknown;
}

/** A case of a data set for people to look at. */
export interface ListedCase {
  readonly id: string;
  /** The file that is shown: of several channels the one that the source takes, else the first that is there. */
  readonly image: string;
  /** How many files the case has, one a channel; absent for one. */
  readonly channels?: number;
  /** The label map that the list names. */
  readonly label?: string;
}

export interface CaseList {
  readonly count: number;
  /** The first of them. */
  readonly cases: readonly ListedCase[];
}

/** What a folder or a list of cases is. */
export interface DataLook {
  readonly path: string;
  readonly list: boolean;
  /** In words: `nnU-Net data set, 20 cases of 4 channels (0 T1, …)`. */
  readonly text: string;
  readonly cases: number;
  /** Names of the channels where each case has several files; '' where one has none. */
  readonly channels?: readonly string[];
  /** Its dataset.json says that the images are MRI. */
  readonly mri?: boolean;
  /** Of a list: the lists inside. */
  readonly keys?: readonly string[];
  /** Of a list: its entries say which fold they are of. */
  readonly folds?: boolean;
}

/** Data that a new experiment can be made on. */
export interface DataOffer {
  readonly path: string;
  readonly list: boolean;
  readonly text: string;
}
