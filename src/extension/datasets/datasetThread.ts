import type { CaseList, DataLook, DataOffer, WrittenSource } from '../../protocol/datasets';
import { OnDemand, type CallsOf } from '../../rpc';
import { startThread } from '../../rpc/threads';

type DatasetCalls = CallsOf<{
  list(source: WrittenSource, home: string, most: number): CaseList;
  look(path: string): DataLook;
  offers(volumes: readonly string[], unnamed: readonly string[], texts: readonly string[], root: string): DataOffer[];
}>;

/** Folders on a slow disk: nobody waits longer for a list. */
const PATIENCE_MS = 60_000;

/** The thread that lists cases as training does. The first call starts it. */
export class DatasetThread {
  private readonly thread: OnDemand<DatasetCalls>;

  /** @param script the bundled `datasets-worker.cjs` */
  constructor(script: string) {
    const tooLarge = 'The data set is too large to be listed here: use Check Data.';
    this.thread = new OnDemand(() => startThread({ script, name: 'VoCo data sets', tooLarge }));
  }

  /** The first cases of a source. @throws UserError when it cannot be listed; TimeoutError */
  list(source: WrittenSource, home: string, most: number): Promise<CaseList> {
    return this.thread.call('list', [source, home, most], { timeoutMs: PATIENCE_MS });
  }

  /** What a folder or a list is. @throws UserError when it is no data; TimeoutError */
  look(path: string): Promise<DataLook> {
    return this.thread.call('look', [path], { timeoutMs: PATIENCE_MS });
  }

  /** What a new experiment can be made on, of files in a folder; `unnamed` may be DICOM. */
  offers(
    volumes: readonly string[],
    unnamed: readonly string[],
    texts: readonly string[],
    root: string,
  ): Promise<DataOffer[]> {
    return this.thread.call('offers', [volumes, unnamed, texts, root], { timeoutMs: PATIENCE_MS });
  }

  dispose(): void {
    this.thread.dispose();
  }
}
