import { basename } from 'node:path';
import { UserError } from '../../errors/userError';
import { countNonFinite, viewAs, writeSafetensors } from '../safetensors';
import { checkOutput } from './bounds';
import type { Branch } from './branches';
import { planWeights } from './plan';
import { reportOf, type ImportReport, type Planned } from './report';
import { openWeights, type SourceTensor, type WeightsSource } from './source';

export { tensorBytes } from './bounds';
export type { Recognised } from './architectures';
export { branchTitle, isOptimizer, type Branch } from './branches';
export { torchFile } from './foreign';
export { layoutTarget, type Target } from './names';
export { planWeights, type Plan, type PlanOptions } from './plan';
export {
  alternativesText,
  besideText,
  describeImport,
  refusedOf,
  reportOf,
  type ImportReport,
  type Planned,
} from './report';
export { inverse, turnedTensor } from './axes';
export { planOfJson, SIMPLE_ITK } from './fieldPlan';
export type { Preparation } from './preparation';
export { openWeights, type SourceTensor, type WeightsSource } from './source';

/** Opens a file, finds its weights (see {@link planWeights}), and hands both to `use`; the file is closed afterwards. */
export async function withWeights<Result>(
  file: string,
  branch: Branch | undefined,
  use: (planned: Planned, source: WeightsSource) => Promise<Result>,
): Promise<Result> {
  const source = await openWeights(file);
  try {
    const plan = planWeights(source, { branch });
    if (plan.tensors.length === 0) throw new UserError(`${file}: has no weights in it`);
    return await use({ plan, tensors: plan.tensors, report: reportOf(source, plan) }, source);
  } finally {
    await source.close();
  }
}

/**
 * Writes imported tensors as safetensors, in their own element types and one at a time, with a note of where they are from.
 *
 * @returns the tensors with numbers that are NaN or infinite
 * @throws UserError when they would take far more room than their file holds, or `out` cannot be written; nothing half-written is left
 */
export async function writeImported(
  out: string,
  tensors: readonly SourceTensor[],
  report: ImportReport,
  source: WeightsSource,
): Promise<NonNullable<ImportReport['nonFinite']>> {
  checkOutput(source, tensors);
  const { file, format, wrapper, branch, changes } = report;
  const origin = { file: basename(file), format, wrapper, branch, changes: changes.map(({ text }) => text) };
  const nonFinite: { name: string; count: number }[] = [];
  const entries = tensors.map(({ name, dtype, shape, read }) => ({
    ...{ name, dtype, shape },
    data: async () => {
      const bytes = await read();
      const count = countNonFinite(dtype, viewAs(dtype, bytes));
      if (count > 0) nonFinite.push({ name, count });
      return bytes;
    },
  }));
  if (tensors.some(({ name }) => name === '__metadata__'))
    throw new UserError(`${file}: has a tensor named __metadata__, which safetensors cannot hold`);
  const { prepare } = report;
  const plan = source.field?.json;
  await writeSafetensors(out, entries, {
    ...source.metadata,
    ...{ format: 'pt', imported: JSON.stringify(origin) },
    ...(prepare && { prepare: JSON.stringify(prepare) }),
    ...(plan !== undefined && { adaptation_plan: JSON.stringify(plan) }),
  });
  return nonFinite;
}
