import { basename } from 'node:path';
import { UserError } from '../../errors/userError';
import { writeSafetensors } from '../safetensors';
import type { ImportReport } from './report';
import { planImport, type Planned } from './report';
import { openWeights, type SourceTensor, type WeightsSource } from './source';
import type { Branch } from './stateDict';

export { authorsNames, mapNames, type NameMap } from './names';
export { describeImport, type ImportReport, type Planned } from './report';
export { openWeights, type SourceTensor, type WeightsSource } from './source';
export type { Branch } from './stateDict';

/** Opens a file, brings its names to those of the network, and hands both to `use`; the file is closed afterwards. */
export async function withWeights<Result>(
  file: string,
  branch: Branch | undefined,
  use: (planned: Planned, source: WeightsSource) => Promise<Result>,
): Promise<Result> {
  const source = await openWeights(file, branch);
  try {
    const planned = planImport(source, branch ?? 'student');
    if (branch !== undefined && planned.report.branch !== null && planned.report.branch !== branch)
      throw new UserError(`${file}: has no ${branch} network, only a ${planned.report.branch}`);
    if (branch === 'teacher' && planned.report.branch === null)
      throw new UserError(`${file}: has no teacher network; leave out the branch`);
    if (planned.tensors.length === 0) throw new UserError(`${file}: has no weights in it`);
    return await use(planned, source);
  } finally {
    await source.close();
  }
}

/**
 * Writes imported tensors as safetensors, in their own element types and one at a time, with a note of where they are from.
 *
 * @throws UserError when `out` cannot be written; nothing half-written is left
 */
export async function writeImported(
  out: string,
  tensors: readonly SourceTensor[],
  report: ImportReport,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { file, format, wrapper, branch, changes } = report;
  const origin = { file: basename(file), format, wrapper, branch, changes: changes.map(({ text }) => text) };
  const entries = tensors.map(({ name, dtype, shape, read }) => ({ name, dtype, shape, data: read }));
  if (tensors.some(({ name }) => name === '__metadata__'))
    throw new UserError(`${file}: has a tensor named __metadata__, which safetensors cannot hold`);
  await writeSafetensors(out, entries, { ...metadata, format: 'pt', imported: JSON.stringify(origin) });
}
