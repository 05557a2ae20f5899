import { resolve } from 'node:path';
import { UserError } from '../../errors/userError';
import type { Case } from '../../data/datalist/case';
import { datalistKeys, readDatalist } from '../../data/datalist/decathlon';
import { resolveSources, type DataSource } from '../../data/datalist/sources';
import type { Finding } from './finding';

function placeOf(source: DataSource, configDir: string): string {
  return resolve(configDir, 'datalist' in source ? source.datalist : 'folder' in source ? source.folder : source.glob);
}

/** What a datalist says about itself that is not so; harmless, since entries are counted, but a sign of a wrong file. */
async function lintDatalist(file: string): Promise<Finding[]> {
  const content = await readDatalist(file);
  const counts = new Map(datalistKeys(content).map(({ key, count }) => [key, count]));
  const claims = [
    ['numTraining', 'training'],
    ['numValidation', 'validation'],
    ['numTest', 'test'],
  ] as const;
  return claims.flatMap(([claim, key]): Finding[] => {
    const said = content[claim];
    const count = counts.get(key);
    if (typeof said !== 'number' || count === undefined || said === count) return [];
    return [
      {
        severity: 'info',
        file,
        message: `${claim} says ${said}, but "${key}" has ${count} entries`,
        advice: 'the number is ignored and the entries are counted; check that this is the right list',
      },
    ];
  });
}

/**
 * Resolves sources one by one, so that one bad list does not hide what is wrong with the others.
 *
 * @returns the cases of the sources that could be read, and a finding for each that could not
 */
export async function checkSources(
  sources: readonly DataSource[],
  configDir: string,
  options: { readonly labels: boolean },
): Promise<{ cases: Case[]; findings: Finding[] }> {
  const findings: Finding[] = [];
  const good: DataSource[] = [];
  for (const source of sources) {
    const file = placeOf(source, configDir);
    try {
      await resolveSources([source], configDir, options);
      good.push(source);
      if ('datalist' in source) findings.push(...(await lintDatalist(file)));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const message = error.message.startsWith(`${file}: `) ? error.message.slice(file.length + 2) : error.message;
      findings.push({ severity: 'error', file, message, advice: 'correct the source in the config or the file' });
    }
  }
  return { cases: await resolveSources(good, configDir, options), findings };
}
