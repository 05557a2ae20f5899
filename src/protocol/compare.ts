import type { CompareCalls } from './comparison';
import type { ChartDescription, SeriesAnswer, SeriesRequest } from './curves';
import type { Look, VolumeState, VolumeWish } from './volume';
import type { Progress } from '../rpc';

/**
 * The comparison of checkpoints: the calls of the webview and the events of the host. Checkpoints are named by their files; the
 * first is the reference. What a network is asked, and what is read from weights, is answered by `voco compare --serve`.
 */

export const FEWEST_COMPARED = 2;
export const MOST_COMPARED = 4;

/** An evaluation of a checkpoint that has not ended, or that ended without results. */
export interface ShownEvaluation {
  readonly phase: string;
  readonly done: number;
  /** 0 while it is not known. */
  readonly total: number;
  readonly reason?: string;
}

/** A checkpoint as its header and its run tell, without reading a tensor. */
export interface CompareCard {
  readonly file: string;
  /** Label of its run, or the name of the file. */
  readonly name: string;
  /** The run directory that it lies in. */
  readonly run?: string;
  readonly step?: number;
  /** `pretrain` or `finetune`; absent for a file that does not say so. */
  readonly kind?: string;
  /** Scores at its step, in a few words. */
  readonly detail: string;
  readonly evaluation?: ShownEvaluation;
  /** The newest evaluation of it that is done: changes when there is another one. */
  readonly evaluated?: string;
  /** Why it cannot be read. */
  readonly problem?: string;
}

export interface CompareOverview {
  readonly cards: readonly CompareCard[];
  /** Why no network can be asked, such as a folder that is not trusted. */
  readonly problem?: string;
}

/** Runs whose curves are shown, with the steps at which the compared checkpoints were written. */
export interface CompareCurves {
  readonly runs: readonly {
    readonly id: string;
    readonly checkpoints: readonly { readonly file: string; readonly step?: number }[];
  }[];
  readonly charts: readonly ChartDescription[];
}

/** A question to the trainer. It is cancelled by its task, which its progress carries too; null: it was cancelled. */
interface Asked<N extends keyof CompareCalls> {
  readonly params: { readonly task: string; readonly request: CompareCalls[N]['params'] };
  readonly result: CompareCalls[N]['result'] | null;
}

/** The viewers of the panel; each has the calls and events of `VolumeContract` with its name in front: `cases/slices`. */
export type ViewerName = 'cases' | 'positions';

export interface CompareContract {
  readonly calls: {
    /** What is known at once of these checkpoints, or of those that the panel was opened with. */
    readonly open: { readonly params: { readonly files: readonly string[] }; readonly result: CompareOverview };
    readonly compare: Asked<'compare'>;
    readonly cases: Asked<'cases'>;
    readonly predict: Asked<'predict'>;
    readonly locate: Asked<'locate'>;
    readonly features: Asked<'features'>;
    readonly cancel: { readonly params: { readonly task: string }; readonly result: null };
    /** Replaces what a viewer shows; it asks for it then. */
    readonly view: {
      readonly params: { readonly viewer: ViewerName; readonly volumes: readonly VolumeWish[]; readonly look?: Look };
      readonly result: null;
    };
    readonly curves: { readonly params: null; readonly result: CompareCurves };
    readonly series: { readonly params: SeriesRequest; readonly result: SeriesAnswer };
    /** The loss-curves panel with the runs of these checkpoints. */
    readonly showCurves: { readonly params: null; readonly result: null };
    /** Lets the user choose which checkpoints are compared; null when that was cancelled. */
    readonly choose: { readonly params: null; readonly result: readonly string[] | null };
    /** Opens a checkpoint in its editor. */
    readonly show: { readonly params: { readonly file: string }; readonly result: null };
    /** Starts the evaluation of a fine-tuned checkpoint in the background. */
    readonly evaluate: { readonly params: { readonly file: string }; readonly result: null };
    /** Saves a table; returns the file written, or undefined when the dialog was cancelled. */
    readonly export: {
      readonly params: { readonly name: string; readonly lines: readonly (readonly (string | number | null)[])[] };
      readonly result: string | undefined;
    };
  };
  readonly events: {
    readonly progress: Progress & { readonly task: string };
    /** Runs or evaluations changed, or the folder is trusted now: open again. */
    readonly changed: null;
    /** The runs of the curves have grown. */
    readonly grown: null;
  };
}

/** How the segmentations of a case are shown: beside one another, against the ground truth, against the reference, in turns. */
export type CaseMode = 'predictions' | 'truth' | 'reference' | 'blink';

export type CompareTab = 'overview' | 'scores' | 'cases' | 'curves' | 'positions' | 'weights';

/** What the panel remembers across hiding and reloading. */
export interface CompareState {
  readonly files: readonly string[];
  readonly tab: CompareTab;
  readonly configFilter: string;
  readonly metric: string;
  /** The classes in their order, or the difference of a checkpoint (position after the reference) to the reference. */
  readonly scoreSort: { readonly by: 'class' | number; readonly descending: boolean };
  /** Modules in their order, or by the relative change of a checkpoint. */
  readonly weightSort: { readonly by: 'module' | number; readonly descending: boolean };
  readonly smoothing: number;
  readonly logarithmic: boolean;
  /** Ids of the cases looked at. */
  readonly caseId?: string;
  readonly caseMode: CaseMode;
  readonly positionCase?: string;
  readonly viewers: Readonly<Partial<Record<ViewerName, VolumeState>>>;
}
