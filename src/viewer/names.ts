import { basename, dirname } from 'node:path';

/** What a file is called beside others: its name, with its folder in front where another has the same (`labelsTr/case1.nii.gz`). */
export function nameBeside(file: string, others: readonly string[]): string {
  const name = basename(file);
  const shared = others.some((other) => other !== file && basename(other) === name);
  return shared ? `${basename(dirname(file))}/${name}` : name;
}
