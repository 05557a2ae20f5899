import { UserError } from '../../errors/userError';
import { formatBytes } from '../../text';
import { DTYPE_BYTES } from '../safetensors';
import type { SourceTensor, WeightsSource } from './source';

/** Tensors may share their numbers (tied weights, a teacher that is still the student): so many times the file at most. */
const MOST_OUTPUT = 8;
/** What is allowed to a file of any size. */
const FREE_OUTPUT = 1 << 28;
/** Readers want every tensor several times, and one that lies apart in its storage is read with what is between. */
const MOST_READ = 64;
const FREE_READ = 2 ** 31;

export const tensorBytes = ({ shape, dtype }: Pick<SourceTensor, 'shape' | 'dtype'>): number =>
  shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);

/**
 * Refuses tensors that would take far more room than their file holds: by strides of 0, or by overlapping one storage.
 *
 * @throws UserError naming the file, the figures and the largest tensor
 */
export function checkOutput({ file, bytes }: WeightsSource, tensors: readonly SourceTensor[]): void {
  const total = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  if (total <= MOST_OUTPUT * bytes + FREE_OUTPUT) return;
  const { name, shape } = tensors.reduce((a, b) => (tensorBytes(b) > tensorBytes(a) ? b : a));
  throw new UserError(
    `${file}: refused: its tensors would take ${formatBytes(total)} and are made of only ${formatBytes(bytes)}: ` +
      `${JSON.stringify(name.slice(0, 120))} is [${shape.slice(0, 8).join(', ')}]`,
  );
}

/** Counts what is read of a file's storages: tensors that overlap could have it read again and again. */
export class ReadTotal {
  private done = 0;

  /** @param stored bytes of the numbers in the file */
  constructor(
    private readonly file: string,
    private readonly stored: number,
  ) {}

  /** @throws UserError naming the file when it was read far more often than its length explains */
  add(bytes: number): void {
    this.done += bytes;
    if (this.done <= MOST_READ * this.stored + FREE_READ) return;
    throw new UserError(
      `${this.file}: refused: its tensors need ${formatBytes(this.done)} read and are made of only ${formatBytes(this.stored)}`,
    );
  }
}
