import process from 'node:process';
import { ExitCode, UsageError } from '../../errors/userError';
import { textOption, type Command } from '../command';
import { formatBytes } from '../../text';

export const cache: Command = {
  name: 'cache',
  usage: 'voco cache [show|clear] [--folder DIR] [--json]',
  summary: 'shows the size of the cache of preprocessed volumes, or empties it',
  options: { folder: { type: 'string' }, json: { type: 'boolean' } },
  async run(args) {
    const { cacheFolder, cacheStatus, emptyCache, tidyCache } = await import('../../data/cache');
    const [action = 'show', ...rest] = args.positionals;
    if (rest.length > 0 || !['show', 'clear'].includes(action)) {
      throw new UsageError(`voco cache: unknown action "${args.positionals.join(' ')}"; usage: ${cache.usage}`);
    }
    const folder = textOption(args, 'folder') ?? cacheFolder(null);
    await tidyCache(folder);
    const before = await cacheStatus(folder);
    if (action === 'clear') await emptyCache(folder);
    if (args.values.json) {
      process.stdout.write(`${JSON.stringify({ ...before, cleared: action === 'clear' })}\n`);
    } else {
      const size = `${before.entries} volumes, ${formatBytes(before.bytes)}`;
      process.stdout.write(`${folder}: ${action === 'clear' ? `removed ${size}` : size}\n`);
    }
    return ExitCode.done;
  },
};
