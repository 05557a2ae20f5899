import { readPlainText } from '../files/regular';
import { parseJson } from '../files/json';
import { fileError, UserError } from '../errors/userError';
import { writeFileAtomically } from '../files/atomic';
import { configDifferences, flattenConfig } from '../config/flatten';
import type { Results, ResultsSettings } from '../protocol/scores';
import { formatTime } from '../text';
import { runFiles } from './files';

export type * from '../protocol/scores';

export async function writeResults(runDir: string, results: Results): Promise<void> {
  await writeFileAtomically(runFiles(runDir).results, `${JSON.stringify(results, null, 2)}\n`);
}

/** @throws UserError when results.json is missing or malformed. */
export async function readResults(runDir: string): Promise<Results> {
  const file = runFiles(runDir).results;
  try {
    const value = parseJson(await readPlainText(file)) as Results | null;
    if (value?.format === 1 && Array.isArray(value.cases)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw fileError(error, file, 'read the results');
  }
  throw new UserError(`${file}: not results that this version can read`);
}

/**
 * What differs between the settings of two evaluations, in short texts; what cannot change scores (device, version, time) is
 * left out.
 */
export function settingDifferences(before: ResultsSettings, now: ResultsSettings): string[] {
  const compared = ({ device: _, precision: _p, version: _v, created: _c, ...rest }: ResultsSettings) => rest;
  const found = configDifferences(compared(before), compared(now));
  const texts = [...found].map(([path, [first, second]]) => {
    if (path === 'heldOut') return 'other held-out cases';
    if (path.startsWith('weights')) return 'other weights';
    return `${path}: ${first} → ${second}`;
  });
  return [...new Set(texts)];
}

/** The settings of an evaluation as name and value, for people; any object, since files may hold anything. */
export function settingRows(settings: Partial<ResultsSettings>): (readonly [name: string, value: string])[] {
  const { weights, heldOut: _, version, created = '', ...rest } = settings;
  const others = [...flattenConfig(rest)].map(
    ([path, value]) => [path, value === null ? 'none' : String(value)] as const,
  );
  return [
    ...others,
    ...(weights?.sha256 ? ([['weights', `SHA-256 ${weights.sha256}`]] as const) : []),
    ['evaluated', `${formatTime(created) ?? 'at an unknown time'}, VoCo ${version}`],
  ];
}
