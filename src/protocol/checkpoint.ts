/** The editor of a checkpoint file: the calls of the webview and the events of the host. */

export interface TensorRow {
  /** Its name in the file, dotted by module. */
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

export interface NamedText {
  readonly name: string;
  readonly text: string;
}

/** What is in a file of weights, without any of its numbers. */
export interface CheckpointDescription {
  readonly file: string;
  readonly bytes: number;
  /** `safetensors`, or which of PyTorch's formats. */
  readonly format: string;
  /** Whether it can be used as it is; PyTorch's files are imported first. */
  readonly usable: boolean;
  readonly tensors: readonly TensorRow[];
  /** What it is and where it came from, as people read it. */
  readonly facts: readonly NamedText[];
  readonly scores: Readonly<Record<string, number>>;
  /** Texts that the file carries, a config among them laid out in lines. */
  readonly metadata: readonly NamedText[];
  /** What was left out or refused, in a sentence each. */
  readonly warnings: readonly string[];
  /** `pretrain`, `finetune`, …: the kind of run that wrote it, where it says so. */
  readonly kind?: string;
}

/** The numbers of one tensor in short. */
export interface TensorStatistics {
  readonly count: number;
  readonly zeros: number;
  readonly nan: number;
  readonly infinite: number;
  /** Of the finite numbers; NaN where there is none. */
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  readonly deviation: number;
  /** Numbers in equal intervals from the minimum to the maximum. */
  readonly bins: readonly number[];
}

export interface CheckpointContract {
  readonly calls: {
    readonly describe: { readonly params: null; readonly result: CheckpointDescription };
    readonly statistics: { readonly params: { readonly tensor: string }; readonly result: TensorStatistics };
    readonly act: {
      readonly params: { readonly action: 'export' | 'import' | 'compare' | 'finetune' };
      readonly result: null;
    };
  };
  readonly events: {
    /** The file was replaced: describe it again. */
    readonly changed: null;
  };
}

/** What the editor remembers across hiding and reloading. */
export interface CheckpointViewState {
  readonly open: readonly string[];
  readonly selected?: string;
  readonly search: string;
}
