/** The table of runs: the calls of the webview and the events of the host. A run is named by its directory. */

/** A value in the table; null where a run has none. */
export type TableCell = number | string | boolean | null;

/** What people write about a run; kept in its directory. */
export interface RunNotes {
  readonly starred: boolean;
  readonly tags: readonly string[];
  readonly note: string;
}

export type ColumnGroup = 'run' | 'metric' | 'result' | 'parameter';

/** How the values of a column are written and sorted: times are ISO 8601, durations seconds. */
export type ColumnKind = 'number' | 'text' | 'time' | 'duration' | 'state';

export interface TableColumn {
  /** Unique: the group and the name, as in `parameter:train.steps`. */
  readonly key: string;
  readonly group: ColumnGroup;
  readonly name: string;
  readonly kind: ColumnKind;
}

export interface TableRow {
  readonly id: string;
  readonly notes: RunNotes;
  /** One for each column of the part that it comes in. */
  readonly cells: readonly TableCell[];
}

/** Some rows with the columns that they have. */
export interface TablePart {
  readonly columns: readonly TableColumn[];
  readonly rows: readonly TableRow[];
}

export interface RunsTableContract {
  readonly calls: {
    /** Every run, or those of `ids` that still exist. */
    readonly rows: { readonly params: { readonly ids?: readonly string[] }; readonly result: TablePart };
    readonly annotate: {
      readonly params: { readonly id: string; readonly change: Partial<RunNotes> };
      readonly result: RunNotes;
    };
    readonly showCurves: { readonly params: { readonly ids: readonly string[] }; readonly result: null };
    /** The best or newest checkpoint of each of these runs. */
    readonly compare: { readonly params: { readonly ids: readonly string[] }; readonly result: null };
    /** Returns the file written, or undefined when the dialog was cancelled. */
    readonly export: {
      readonly params: { readonly lines: readonly (readonly TableCell[])[] };
      readonly result: string | undefined;
    };
  };
  readonly events: {
    /** These runs are new or have changed, those are gone. */
    readonly changed: { readonly ids: readonly string[]; readonly gone: readonly string[] };
  };
}

export interface SortKey {
  readonly key: string;
  readonly descending: boolean;
}

/** What the table remembers across hiding and reloading. */
export interface RunsTableState {
  readonly sort: readonly SortKey[];
  readonly filter: string;
  readonly starredOnly: boolean;
  readonly differingOnly: boolean;
  /** Columns that the user showed or hid by hand. */
  readonly shown: Readonly<Record<string, boolean>>;
  /** Columns that the user moved: the order of all that were there then. */
  readonly order: readonly string[];
  readonly selected: readonly string[];
  readonly columnsOpen: boolean;
}
