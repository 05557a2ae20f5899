/** The loss-curves panel: the calls of the webview and the events of the host. Steps are optimizer steps, counted from 1. */

/** One chart of the panel: a group of metrics that share an axis. */
export interface ChartDescription {
  readonly id: string;
  readonly title: string;
  /** Unit written on the axis; empty when the value has none. */
  readonly unit: string;
  readonly metrics: readonly string[];
  /** Colours of lines by metric, where a chart has a line a class. */
  readonly colours?: Readonly<Record<string, string>>;
  /** Told where the values of a metric end below a value. */
  readonly warning?: { readonly metric: string; readonly below: number; readonly text: string };
}

export interface CurveRun {
  /** The run directory: names the run for as long as it exists. */
  readonly id: string;
  readonly name: string;
  readonly state: string;
  /** Index in the palette; stays the same for a run. */
  readonly colour: number;
  readonly steps: number;
}

export interface SeriesRequest {
  readonly runs: readonly string[];
  readonly metrics: readonly string[];
  /** Steps to show, both ends included; everything when absent. */
  readonly range?: readonly [number, number];
  /** Points wanted a series: two a pixel are enough. */
  readonly points: number;
  /** 0 = none, towards 1 = more: the weight of the past in an exponential moving average. */
  readonly smoothing: number;
}

/** One metric of one run, thinned so that the smallest and largest value of every interval are kept. */
export interface Series {
  readonly run: string;
  readonly metric: string;
  readonly steps: Float64Array;
  readonly values: Float32Array;
  /** The moving average at the same steps; absent without smoothing. */
  readonly smoothed?: Float32Array;
}

export interface RunMarks {
  readonly run: string;
  /** First step after each resume. */
  readonly resumed: readonly number[];
  /** Steps with a value that is not a number, at most a hundred of them. */
  readonly nonFinite: readonly number[];
}

export interface SeriesAnswer {
  readonly series: readonly Series[];
  readonly marks: readonly RunMarks[];
  /** Runs whose metrics have not been read to the end: ask again for the rest. */
  readonly reading: readonly string[];
  /** Lowest and highest step that the runs hold; absent while there are none. */
  readonly extent?: readonly [number, number];
}

export interface CurvesExport {
  readonly format: 'png' | 'svg' | 'csv';
  /** The picture; for CSV the host writes the full series itself. */
  readonly content?: Uint8Array;
  readonly runs: readonly string[];
  readonly metrics: readonly string[];
}

export interface CurvesContract {
  readonly calls: {
    /** The runs there are, and the charts that their metrics give. */
    readonly open: {
      readonly params: { readonly runs: readonly string[] };
      readonly result: {
        readonly runs: readonly CurveRun[];
        readonly shown: readonly string[];
        readonly charts: readonly ChartDescription[];
      };
    };
    readonly series: { readonly params: SeriesRequest; readonly result: SeriesAnswer };
    /** Returns the file written, or undefined when the dialog was cancelled. */
    readonly export: { readonly params: CurvesExport; readonly result: string | undefined };
  };
  readonly events: {
    /** Something in these runs' directories changed: ask again. */
    readonly changed: { readonly runs: readonly string[] };
    /** The list of runs changed, or the host wants these to be shown. */
    readonly runs: { readonly show?: readonly string[] };
  };
}

/** What the panel remembers across hiding and reloading. */
export interface CurvesState {
  readonly runs: readonly string[];
  readonly smoothing: number;
  readonly logarithmic: boolean;
  readonly view: 'charts' | 'table';
  readonly range?: readonly [number, number];
}
