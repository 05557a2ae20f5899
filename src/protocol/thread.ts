/** Messages between a program and a worker thread of its own: calls with ids, each answered once. */
export interface ThreadCall {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

export interface ThreadError {
  readonly message: string;
  /** Something the user can put right, not a defect. */
  readonly user: boolean;
}

export type ThreadAnswer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: ThreadError };
