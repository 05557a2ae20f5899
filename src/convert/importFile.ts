import { resolve } from 'node:path';
import { UsageError } from '../errors/userError';
import { describeImport, withWeights, writeImported, type Branch, type ImportReport } from '../runs/import';
import type { FitReport } from './fit';

export interface ImportRequest {
  readonly file: string;
  readonly out: string;
  /** A config whose network the weights are for. */
  readonly configFile?: string;
  readonly branch?: Branch;
}

export interface ImportResult {
  readonly report: ImportReport & { readonly out: string; readonly fit?: FitReport };
  /** The report for people. */
  readonly lines: string[];
}

/**
 * Converts a file of weights to safetensors with MONAI's names.
 *
 * @throws UserError when the file is malformed or unsafe, or none of it fits the network of `configFile`; nothing is written then
 */
export async function importFile({ file, out, configFile, branch }: ImportRequest): Promise<ImportResult> {
  if (resolve(file) === resolve(out)) throw new UsageError(`${out}: --out is the file that is imported`);
  return withWeights(file, branch, async ({ tensors, report }, { metadata }) => {
    const lines = describeImport(report);
    if (!configFile) {
      await writeImported(out, tensors, report, metadata);
      return { report: { ...report, out }, lines };
    }
    // Networks need the tensor library, which takes a second to load.
    const { describeFit, fitToConfig } = await import('./fit');
    const { tensors: fitted, fit } = await fitToConfig(tensors, file, configFile, branch ?? 'student');
    await writeImported(out, fitted, report, metadata);
    return { report: { ...report, out, fit }, lines: [...lines, ...describeFit(fit)] };
  });
}
