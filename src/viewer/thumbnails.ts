import { stat } from 'node:fs/promises';
import { startVolume } from './client';
import type { Thumbnail } from './thumbnail';

/** Pixels of the longer side. */
const SIDE = 180;
/** Pictures kept; each is a few kilobytes. */
const MOST = 300;

/** Small pictures of volumes, each made once by a thread of its own, one at a time. */
export class Thumbnails {
  private readonly known = new Map<string, Promise<Thumbnail>>();
  private last: Promise<unknown> = Promise.resolve();

  /** @param script the bundled `volume-worker.cjs`. */
  constructor(private readonly script: string) {}

  /**
   * @returns undefined when the wait was given up before the picture was begun.
   * @throws UserError naming the file when it can't be read.
   */
  async get(file: string, token: { readonly isCancellationRequested: boolean }): Promise<Thumbnail | undefined> {
    const { mtimeMs, size } = await stat(file);
    const key = `${file}|${mtimeMs}|${size}`;
    if (!this.known.has(key)) {
      const turn = this.last;
      await turn;
      if (token.isCancellationRequested) return undefined;
      if (!this.known.has(key)) this.make(key, file);
    }
    return this.known.get(key);
  }

  private make(key: string, file: string): void {
    const client = startVolume(this.script, file);
    const made = client.call('thumbnail', [SIDE]).finally(() => client.dispose());
    this.known.set(key, made);
    this.last = made.catch(() => this.known.delete(key));
    for (const old of this.known.keys()) {
      if (this.known.size <= MOST) break;
      this.known.delete(old);
    }
  }
}
