import { realpath, stat } from 'node:fs/promises';
import { pieceHash, type ImageFacts } from '../../data/judge';
import { UserError } from '../../errors/userError';
import { axisCodes, countLabelValues, readHeader, readVolume, spacingOf, type LabelValues } from '../../volume';

/** An image's header and size on disk, or what is wrong with it. */
export type Looked = { readonly facts: ImageFacts; readonly bytes: number } | { readonly problem: string };

interface Entry<T> {
  readonly stamp: string;
  readonly value: Promise<T>;
}

/** Remembers what was read of files until they change on disk. */
class Remembered<T> {
  private readonly entries = new Map<string, Entry<T>>();

  constructor(private readonly read: (file: string, bytes: number) => Promise<T>) {}

  /** @throws what `stat` throws when the file is not there */
  async get(file: string): Promise<T> {
    const { size, mtimeMs } = await stat(file);
    const stamp = `${size} ${mtimeMs}`;
    let entry = this.entries.get(file);
    if (entry?.stamp !== stamp) {
      entry = { stamp, value: this.read(file, size) };
      // A failed reading is tried again.
      entry.value.catch(() => this.entries.delete(file));
      this.entries.set(file, entry);
    }
    return entry.value;
  }
}

async function lookAt(file: string, bytes: number): Promise<Looked> {
  try {
    const header = await readHeader(file);
    const orientation = axisCodes(header.affine);
    const spacing = spacingOf(header.affine);
    return { facts: { file, realPath: await realpath(file), fingerprints: [], header, orientation, spacing }, bytes };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { problem: error.message };
  }
}

async function valuesOf(file: string): Promise<LabelValues> {
  const { volume } = await readVolume(file, { channel: 0 });
  return countLabelValues(volume.data);
}

/** Headers, hashes and label values of volumes, each read once. */
export class FileFacts {
  private readonly images = new Remembered(lookAt);
  private readonly hashes = new Remembered(pieceHash);
  private readonly values = new Remembered(valuesOf);

  async image(file: string): Promise<Looked> {
    return this.images.get(file).catch(() => ({ problem: `${file}: no such file` }));
  }

  /** Hash of a file's length and parts of it. */
  async hash(file: string): Promise<string> {
    return this.hashes.get(file);
  }

  /** The values of a label map. @throws UserError when it cannot be read */
  async labelValues(file: string): Promise<LabelValues> {
    return this.values.get(file);
  }
}
