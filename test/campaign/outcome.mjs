import { differences, temporariesBelow, treeOf, unreadableIn } from './trees.mjs';
import { environment } from './stand.mjs';
import { INTERNAL, lastWords, voco } from './voco.mjs';

const isOutput = ({ outputs }, name) => outputs.some((output) => name === output || name.startsWith(`${output}/`));
/** Folders that keep state between commands, and change with each. */
const OWN = /^(state|tmp)\//;

function split(scenario, tree) {
  const names = [...tree].filter(([name]) => !OWN.test(name));
  const part = (own) => new Map(names.filter(([name]) => isOutput(scenario, name) === own));
  return { written: part(true), rest: part(false) };
}

export const argsAgain = (scenario, folder) => scenario.again?.(folder, scenario) ?? scenario.args;

/** What an untroubled command writes, and how long it takes. @param renew false: the folder is as it has to be */
export async function reference(stand, scenario, renew = true) {
  if (renew) stand.renew();
  const before = split(scenario, treeOf(stand.folder)).rest;
  const ended = await voco(scenario.args, { cwd: stand.folder, env: environment(stand.folder) });
  if (ended.code !== 0) throw new Error(`voco ${scenario.args.join(' ')}: ${lastWords(ended)}`);
  return { ms: ended.ms, before, written: split(scenario, treeOf(stand.folder)).written };
}

/** What is wrong after an interruption: a line for each fault. */
export function faultsAfter(stand, scenario, { before }) {
  const { written, rest } = split(scenario, treeOf(stand.folder));
  return [...unreadableIn(written), ...differences(rest, before)];
}

/** How what was written differs from what an untroubled command writes, and what is left over: a line for each fault. */
export function compare(stand, scenario, { written: expected }) {
  const { written } = split(scenario, treeOf(stand.folder));
  return [...differences(written, expected), ...temporariesBelow(stand.folder).map((name) => `${name} is left behind`)];
}

/** Gives the command again after an interruption, and says what differs from one that was never interrupted. */
export async function finish(stand, scenario, expected) {
  const args = argsAgain(scenario, stand.folder);
  const ended = await voco(args, { cwd: stand.folder, env: environment(stand.folder) });
  // The interruption came after the last thing that was to be done.
  if (ended.code !== 0 && !/this run has finished its/.test(ended.error))
    return [`voco ${args.join(' ')}: ${lastWords(ended)}`];
  const said = INTERNAL.test(ended.error) ? [`said ${ended.error.slice(0, 500)}`] : [];
  return [...compare(stand, scenario, expected), ...said];
}
