/**
 * A disk that gets full at each write of every command that writes: room for nothing, for a little more, and so on up to what the
 * command needs. Afterwards one line tells, nothing is half written, and with room the command given again ends as one that was never
 * troubled. The disk is a small one in memory where this user may mount (root), else a limit on the size of each file.
 */
import { spawnSync } from 'node:child_process';
import { rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { commandOf, scenarios } from './commands.mjs';
import { compare, faultsAfter, finish, reference } from './outcome.mjs';
import { environment, makeStand } from './stand.mjs';
import { filesBelow, temporariesBelow } from './trees.mjs';
import { INTERNAL, lastWords, voco } from './voco.mjs';

const SIZE = 256;
const FULL = /no space left on the disk|larger than the disk or a limit|disk quota exceeded/;

const mounted = (folder) => spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}m`, 'tmpfs', folder]).status === 0;
const free = (folder) => {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
};

/** A disk that is in the way: fills a real one up to some room. */
function filledDisk(folder) {
  const filler = join(folder, 'filler');
  let before = 0;
  return {
    kind: 'a full disk in memory',
    begin: () => (before = free(folder)),
    need: () => before - free(folder),
    fill: (room) => {
      writeFileSync(filler, Buffer.alloc(Math.max(0, free(folder) - room)));
      return [];
    },
    empty: () => rmSync(filler, { force: true }),
    end: () => spawnSync('umount', [folder]),
  };
}

/** What stands in for it where nothing can be mounted. Node gets an error instead of the signal. */
function limitedFiles(folder) {
  return {
    kind: 'a limit on the size of files',
    begin: () => undefined,
    need: () => Math.max(...filesBelow(folder).map((name) => statSync(join(folder, name)).size)),
    fill: (room) => ['prlimit', `--fsize=${room}`],
    empty: () => undefined,
    end: () => undefined,
  };
}

function faultsOfFull({ code, signal, error }, folder) {
  if (signal) return [`ended by ${signal}`];
  const lines = error.split('\n').filter((line) => FULL.test(line) && !/continuing without the cache/.test(line));
  return [
    ...(INTERNAL.test(error) ? [`internal error: ${error.slice(0, 500)}`] : []),
    ...(code !== 0 && lines.length === 0 ? [`no line tells of the full disk: ${error.slice(-500)}`] : []),
    ...(lines.length > 1 && code !== 0
      ? [`${lines.length} lines tell of the full disk: ${lines.slice(0, 2).join(' / ')}`]
      : []),
    ...temporariesBelow(folder).map((name) => `${name} is left behind`),
  ];
}

async function trial(stand, scenario, expected, disk, room) {
  stand.renew();
  const before = disk.fill(room);
  const ended = await voco(scenario.args, { cwd: stand.folder, env: environment(stand.folder), before });
  const faults = [...faultsOfFull(ended, stand.folder)];
  disk.empty();
  faults.push(...faultsAfter(stand, scenario, expected));
  // A command may do without what it could not write: a cache.
  const ending = ended.code === 0 ? [] : await finish(stand, scenario, expected);
  if (ended.code === 0 && room >= disk.needed) ending.push(...compare(stand, scenario, expected));
  return { failed: ended.code !== 0, faults: [...faults, ...ending], said: lastWords(ended) };
}

/**
 * @param {{ stand?: object, count?: number, only?: string[], mount?: boolean, onTrial?: (text: string) => void }} options `count`: sizes of the disk for each command
 */
export async function run({ stand: given, count = 12, only, mount = true, onTrial = () => undefined }) {
  const chosen = scenarios.filter(({ name, full }) => full !== false && (!only || only.includes(name)));
  const stand = given ?? (await makeStand());
  stand.renew();
  const disk =
    mount && process.platform === 'linux' && mounted(stand.folder)
      ? filledDisk(stand.folder)
      : limitedFiles(stand.folder);
  const result = { disk: disk.kind, planned: count * chosen.length, done: 0, failed: 0, commands: {}, faults: [] };
  try {
    for (const scenario of chosen) {
      stand.renew();
      disk.begin();
      const expected = await reference(stand, scenario, false);
      disk.needed = disk.need();
      let failed = 0;
      for (let i = 0; i < count; i++) {
        const room = Math.floor((disk.needed * i) / count);
        const { faults, ...ended } = await trial(stand, scenario, expected, disk, room);
        failed += Number(ended.failed);
        result.done += 1;
        result.faults.push(...faults.map((fault) => ({ command: commandOf(scenario), room, fault })));
        onTrial(
          `disk: ${scenario.name}: room for ${room} bytes: ${faults.length > 0 ? `FAILED: ${faults[0]}` : ended.failed ? 'told' : 'done'}`,
        );
      }
      result.failed += failed;
      result.commands[scenario.name] = { sizes: count, failed };
    }
  } finally {
    disk.end();
  }
  if (!given) stand.remove();
  return result;
}
