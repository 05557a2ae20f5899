import type { ResultClass, Results } from './scores';

/** The results panel: the calls of the webview and the events of the host. Runs are named by their directories. */

/** A run that the panel can show: a fine-tuning, the evaluation of one, or a study. */
export interface ResultSource {
  readonly run: string;
  readonly name: string;
  /** What it is and when, in a few words. */
  readonly detail: string;
}

export interface ShownResults {
  /** The run whose directory holds them. */
  readonly run: string;
  readonly results: Results;
  /** In the order of the classes of a case. */
  readonly classes: readonly ResultClass[];
  /** How the scores came about, as name and value; absent where the results do not tell. */
  readonly measured?: readonly (readonly [name: string, value: string])[];
}

/** An evaluation or study that is under way, or one that ended without results. */
export interface EvaluationState {
  readonly run: string;
  readonly kind: 'evaluate' | 'study';
  readonly phase: string;
  readonly done: number;
  /** 0 while it is not known. */
  readonly total: number;
  /** Why it ended without results. */
  readonly reason?: string;
}

/** The two sides of a label-efficiency study. */
export type StudySide = 'pretrained' | 'scratch';

/** A mean over seeds. `deviation`: the sample standard deviation; null of a single seed. */
export interface StudySpread {
  readonly amount: number;
  readonly mean: number;
  readonly deviation: number | null;
  /** Seeds that are done. */
  readonly count: number;
}

/** A comparison of fine-tuning from a checkpoint with fine-tuning from scratch, with its results so far. */
export interface ShownStudy {
  readonly task: string;
  /** What is measured, as it is written on the axis. */
  readonly score: string;
  /** What amounts are: numbers of labelled cases, or shares of them. */
  readonly by: 'cases' | 'fraction';
  readonly amounts: readonly number[];
  readonly seeds: number;
  readonly heldOut: number;
  readonly checkpoint: string;
  /** Fine-tunings that are done, and of how many. */
  readonly done: number;
  readonly total: number;
  readonly failures: readonly string[];
  readonly points: readonly (StudySpread & { readonly arm: StudySide })[];
  /** Pre-trained minus scratch, of the same seed; `ahead`: seeds in which the pre-trained side is better. */
  readonly differences: readonly (StudySpread & { readonly ahead: number })[];
}

export interface ResultsAnswer {
  readonly sources: readonly ResultSource[];
  /** The source that is shown; absent when there is none. */
  readonly source?: string;
  readonly shown?: ShownResults;
  readonly study?: ShownStudy;
  readonly evaluation?: EvaluationState;
  /** The source is a fine-tuning with weights that can be evaluated. */
  readonly canEvaluate: boolean;
  /** Why results that are there cannot be shown. */
  readonly problem?: string;
}

export interface ResultsContract {
  readonly calls: {
    /** The runs there are, and the results of one of them: `run`, or the newest that has some. */
    readonly open: { readonly params: { readonly run?: string | undefined }; readonly result: ResultsAnswer };
    /** Starts the evaluation of a fine-tuning. */
    readonly evaluate: { readonly params: { readonly run: string }; readonly result: null };
    /**
     * Opens image, ground truth, prediction and error map of a case, at the slice with most error of a class (all classes
     * where absent). Of a classification only the image.
     */
    readonly openCase: {
      readonly params: { readonly run: string; readonly index: number; readonly class?: number };
      readonly result: null;
    };
    /** Returns the file written, or undefined when the dialog was cancelled. A CSV table is written by the host itself. */
    readonly export: {
      readonly params: { readonly run: string; readonly format: 'csv' | 'tex' | 'png'; readonly content?: Uint8Array };
      readonly result: string | undefined;
    };
  };
  readonly events: {
    /** Runs or results changed: ask again. */
    readonly changed: null;
    /** The host wants this run to be shown. */
    readonly show: { readonly run: string };
  };
}

/** What the panel remembers across hiding and reloading. */
export interface ResultsState {
  readonly run?: string;
  readonly metric: string;
  readonly view: 'cases' | 'classes';
  /** Column that the table is sorted by: a class from 0, or the mean; `case` by name. */
  readonly sort: { readonly column: number | 'mean' | 'case'; readonly worstFirst: boolean };
}
