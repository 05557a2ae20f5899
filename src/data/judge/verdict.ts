import { readPlainText } from '../../files/regular';
import { parseJson } from '../../files/json';
import { UserError } from '../../errors/userError';
import { writeFileAtomically } from '../../files/atomic';
import { cacheKey, verdictFile } from '../cache';
import { imageFiles, type Case } from '../datalist/case';
import { regionFiles } from '../datalist/regionMasks';
import type { CaseDemands, CaseVerdict, ImageFacts } from './types';

/** Changes whenever the judge would say something else of the same files. */
const JUDGE_VERSION = 5;

/** Where verdicts are kept: a folder of the cache; null keeps none. */
export type VerdictFolder = string | null;

type Judged = Pick<Case, 'image' | 'missing' | 'label' | 'labelled' | 'problem' | 'regionMasks'>;

/** The file of a verdict. Undefined for files that are not there. */
async function fileOf(folder: string, item: Judged, demands: CaseDemands): Promise<string | undefined> {
  const { labelled, problem, missing } = item;
  const label = demands.labels && item.label !== undefined ? [item.label] : [];
  const masks = demands.preprocess ? regionFiles(item) : [];
  const files = [...imageFiles(item), ...label, ...masks.map(([, file]) => file)];
  const regions = masks.length > 0 ? masks.map(([name]) => name) : undefined;
  const key = await cacheKey(files, { judge: JUDGE_VERSION, demands, labelled, problem, missing, regions }).catch(
    (error: unknown) => {
      if (!(error instanceof UserError)) throw error;
      return undefined;
    },
  );
  return key && verdictFile(folder, key);
}

const asWritten = (image: ImageFacts) => ({
  ...image,
  header: { ...image.header, affine: [...image.header.affine] },
});

type Written = Omit<CaseVerdict, 'images'> & { readonly images: readonly ReturnType<typeof asWritten>[] };

/** The verdict on files that have not changed since; undefined where there is none. */
export async function recallVerdict(
  folder: VerdictFolder,
  item: Judged,
  demands: CaseDemands,
): Promise<CaseVerdict | undefined> {
  const file = folder === null ? undefined : await fileOf(folder, item, demands);
  if (file === undefined) return undefined;
  try {
    const { images, ...rest } = parseJson(await readPlainText(file)) as Written;
    return {
      ...rest,
      images: images.map((image) => ({
        ...image,
        header: { ...image.header, affine: Float64Array.from(image.header.affine) },
      })),
    };
  } catch {
    // Not there, or damaged: judged anew.
    return undefined;
  }
}

/** Keeps a verdict. One that cannot be kept costs the time of the next look. */
export async function rememberVerdict(
  folder: VerdictFolder,
  item: Judged,
  demands: CaseDemands,
  verdict: CaseVerdict,
): Promise<void> {
  const file = folder === null ? undefined : await fileOf(folder, item, demands);
  if (file === undefined) return;
  const written: Written = { ...verdict, images: verdict.images.map(asWritten) };
  await writeFileAtomically(file, JSON.stringify(written)).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error;
  });
}
