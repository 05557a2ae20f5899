import { checkOutputs } from '../files/outputs';
import {
  describeImport,
  openWeights,
  reportOf,
  withWeights,
  writeImported,
  type Branch,
  type ImportReport,
} from '../runs/import';
import type { FitReport } from './fit';

export interface ImportRequest {
  readonly file: string;
  readonly out: string;
  /** A config whose network the weights are for. */
  readonly configFile?: string;
  readonly branch?: Branch;
  /** Replaces `out` where it is there. */
  readonly force?: boolean;
}

export interface ImportResult {
  readonly report: ImportReport & { readonly out: string; readonly fit?: FitReport };
  /** The report for people. */
  readonly lines: string[];
}

/**
 * Converts a file of weights to safetensors with MONAI's names.
 *
 * @throws UsageError when `out` is there already or is what is read; UserError when the file is malformed or unsafe, or too little of it fits the network of `configFile`; nothing is written then
 */
export async function importFile({ file, out, configFile, branch, force }: ImportRequest): Promise<ImportResult> {
  await checkOutputs({ outputs: [out], inputs: [file, ...(configFile ? [configFile] : [])], force });
  if (!configFile) {
    return withWeights(file, branch, async ({ tensors, report: planned }, source) => {
      const report = { ...planned, nonFinite: await writeImported(out, tensors, planned, source) };
      return { report: { ...report, out }, lines: describeImport(report) };
    });
  }
  // Networks need the tensor library, which takes a second to load.
  const { describeFit, fitToConfig } = await import('./fit');
  const source = await openWeights(file);
  try {
    const { plan, fit } = await fitToConfig(source, configFile, branch);
    const planned = reportOf(source, plan);
    const report = { ...planned, nonFinite: await writeImported(out, plan.tensors, planned, source) };
    return { report: { ...report, out, fit }, lines: [...describeImport(report), ...describeFit(fit)] };
  } finally {
    await source.close();
  }
}
