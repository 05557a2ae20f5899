/** What `voco probe` writes (`--out`, `--json`). */
export interface ProbeReport {
  readonly format: 1;
  readonly version: string;
  readonly task: ProbeTask;
  /** The checkpoints: one for all seeds, or one for each. */
  readonly checkpoints: readonly { readonly file: string; readonly step: number | null }[];
  readonly network: Readonly<Record<string, unknown>>;
  /** Where the volumes come from: what was named, or null for the cases of the run. */
  readonly data: string | null;
  readonly preprocess: Readonly<Record<string, unknown>>;
  /** Voxels of a crop of a preprocessed volume, and its size as the networks get it. */
  readonly crop: readonly number[];
  readonly input: readonly number[];
  readonly features: {
    /** Channels of the scales whose averages are put together, from fine to coarse. */
    readonly channels: readonly number[];
    readonly length: number;
  };
  readonly classes: readonly string[];
  readonly probe: ProbeSettings;
  readonly device: string;
  readonly volumes: number;
  readonly crops: number;
  readonly seeds: readonly ProbeSeed[];
  readonly difference: ProbeDifference;
}

/** What is asked of the features: the organ at the middle of a crop, or the crop's place in its volume. */
export type ProbeTask = 'organ' | 'position';

/** How a probe is trained, for both networks alike. */
export interface ProbeSettings {
  /** Share of the volumes that test it, and of the others that choose the penalty. */
  readonly testShare: number;
  readonly choiceShare: number;
  /** Weights of the squared norm that are tried. */
  readonly penalties: readonly number[];
}

/** One network under one seed. */
export interface ProbeScore {
  /** Share of the test crops that the probe gets right. */
  readonly accuracy: number;
  /** The weight of the squared norm that was chosen. */
  readonly penalty: number;
}

/** Both networks on the same crops, split alike. */
export interface ProbeSeed {
  readonly seed: number;
  /** Index of the checkpoint. */
  readonly checkpoint: number;
  readonly trainCrops: number;
  readonly testCrops: number;
  readonly trainVolumes: readonly string[];
  readonly testVolumes: readonly string[];
  /** Accuracy of always giving the class that most training crops have. */
  readonly guess: number;
  readonly pretrained: ProbeScore;
  readonly random: ProbeScore;
}

/** Differences of accuracy, pre-trained minus random, over the seeds. */
export interface ProbeDifference {
  readonly mean: number;
  /** Standard deviation over seeds, and the 95 % interval of Student's t; null for a single seed. */
  readonly deviation: number | null;
  readonly low: number | null;
  readonly high: number | null;
}
