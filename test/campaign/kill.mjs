/**
 * SIGKILL at random moments of every command that writes. Afterwards all files can be read, nothing beside the outputs has changed,
 * and the command given again ends as one that was never killed: the same files, steps without a gap or a double, the same weights to
 * the last bit, and no leftovers.
 */
import { commandOf, scenarios } from './commands.mjs';
import { argsAgain, compare, faultsAfter, finish, reference } from './outcome.mjs';
import { environment, makeStand } from './stand.mjs';
import { lastWords, random, start } from './voco.mjs';

async function killed(stand, args, ms) {
  const { child, ended } = start(args, { cwd: stand.folder, env: environment(stand.folder) });
  const timer = setTimeout(() => child.kill('SIGKILL'), ms);
  const { signal, code, error } = await ended;
  clearTimeout(timer);
  // One that ended before its moment must have ended well.
  return { met: signal === 'SIGKILL', faults: signal || code === 0 ? [] : [lastWords({ code, signal, error })] };
}

async function trial(stand, scenario, expected, next) {
  stand.renew();
  const moment = () => next() * expected.ms;
  const first = await killed(stand, scenario.args, moment());
  const faults = [...first.faults, ...faultsAfter(stand, scenario, expected)];
  let kills = Number(first.met);
  // What goes on after a kill is killed, too.
  if (first.met && scenario.twice !== false && next() < 0.3) {
    const second = await killed(stand, argsAgain(scenario, stand.folder), moment());
    kills += Number(second.met);
    faults.push(...second.faults, ...faultsAfter(stand, scenario, expected));
  }
  const ending = kills > 0 ? await finish(stand, scenario, expected) : compare(stand, scenario, expected);
  return { kills, faults: [...faults, ...ending] };
}

/**
 * @param {{ stand?: object, count?: number, seed?: number, only?: string[], onTrial?: (text: string) => void }} options `count`: kills in all, shared among the
 *   commands; `only`: names of scenarios
 */
export async function run({ stand: given, count = 100, seed = 1, only, onTrial = () => undefined }) {
  const next = random(seed);
  const chosen = scenarios.filter(({ name }) => !only || only.includes(name));
  const shares = chosen.reduce((sum, { kills }) => sum + kills, 0);
  const stand = given ?? (await makeStand());
  const result = { planned: 0, done: 0, trials: 0, commands: {}, faults: [] };
  for (const scenario of chosen) {
    const planned = Math.max(1, Math.round((count * scenario.kills) / shares));
    result.planned += planned;
    const expected = await reference(stand, scenario);
    let done = 0;
    for (let tries = 0; done < planned && tries < 3 * planned + 3; tries++) {
      const { kills, faults } = await trial(stand, scenario, expected, next);
      done += kills;
      result.trials += 1;
      if (faults.length > 0) {
        const kept = stand.keep(`${scenario.name}-${tries}`);
        result.faults.push(...faults.map((fault) => ({ command: commandOf(scenario), trial: tries, fault, kept })));
      }
      onTrial(`kill: ${scenario.name}: ${done} of ${planned}${faults.length > 0 ? ` FAILED: ${faults[0]}` : ''}`);
    }
    result.done += done;
    result.commands[scenario.name] = { planned, done, ms: Math.round(expected.ms) };
  }
  if (!given && result.faults.length === 0) stand.remove();
  return result;
}
