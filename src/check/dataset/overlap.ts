import { caseName } from '../../data/datalist/case';
import type { Finding } from './finding';
import type { ImageFacts } from '../../data/judge';
import type { CaseFacts } from './caseFacts';

interface Index {
  readonly byPath: ReadonlyMap<string, ImageFacts>;
  readonly byContent: ReadonlyMap<string, ImageFacts>;
  readonly byName: ReadonlyMap<string, ImageFacts>;
}

/** Same name and same grid: the same case stored twice, such as with another compression. */
function nameAndGrid(image: ImageFacts): string {
  const { size, affine } = image.header;
  return [caseName(image.file).toLowerCase(), ...size, ...[...affine].map((value) => value.toFixed(2))].join('|');
}

function indexOf(cases: readonly CaseFacts[]): Index {
  const byPath = new Map<string, ImageFacts>();
  const byContent = new Map<string, ImageFacts>();
  const byName = new Map<string, ImageFacts>();
  for (const { images } of cases)
    for (const image of images) {
      byPath.set(image.realPath, image);
      for (const print of image.fingerprints) byContent.set(print, image);
      byName.set(nameAndGrid(image), image);
    }
  return { byPath, byContent, byName };
}

function match(image: ImageFacts, index: Index): { how: string; other: ImageFacts } | undefined {
  const same = index.byPath.get(image.realPath);
  if (same) return { how: 'is the same file as', other: same };
  const equal = image.fingerprints.map((print) => index.byContent.get(print)).find((other) => other !== undefined);
  if (equal) return { how: 'has the same content as', other: equal };
  const named = index.byName.get(nameAndGrid(image));
  return named && { how: 'has the same name and voxel grid as', other: named };
}

/** Images that occur more than once in a list. */
export function findDuplicates(cases: readonly CaseFacts[]): Finding[] {
  const findings: Finding[] = [];
  const seen = new Map<string, ImageFacts>();
  for (const { images } of cases)
    for (const image of images) {
      const keys = [image.realPath, ...image.fingerprints];
      const earlier = keys.map((key) => seen.get(key)).find((other) => other !== undefined);
      for (const key of keys) if (!seen.has(key)) seen.set(key, image);
      if (earlier)
        findings.push({
          severity: 'warning',
          file: image.file,
          message: earlier.realPath === image.realPath ? 'is listed twice' : `has the same content as ${earlier.file}`,
          advice: 'list it once, unless training should see it more often',
        });
    }
  return findings;
}

/** Images of a held-out list that pre-training sees as well. */
export function findLeakage(
  train: readonly CaseFacts[],
  heldOut: readonly CaseFacts[],
  heldOutName: string,
): Finding[] {
  const index = indexOf(train);
  return heldOut
    .flatMap(({ images }) => images)
    .flatMap((image): Finding[] => {
      const found = match(image, index);
      if (!found) return [];
      return [
        {
          severity: found.how.includes('name') ? 'warning' : 'error',
          file: image.file,
          message: `is in ${heldOutName} and ${found.how} ${
            found.other.file === image.file ? 'one of the training list' : `${found.other.file} of the training list`
          }`,
          advice: 'remove it from the training list: scores on it would be too good (leakage)',
          leakage: true,
        },
      ];
    });
}
