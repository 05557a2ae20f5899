import process from 'node:process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ExitCode, UsageError } from '../../errors/userError';
import { writeFileAtomically } from '../../files/atomic';
import { onlyPositional, textOption, type Command } from '../command';

export const init: Command = {
  name: 'init',
  usage: 'voco init FILE.voco.json [--preset NAME] [--data FOLDER|DATALIST.json] [--force]',
  summary: 'writes a commented experiment config from a preset',
  options: { preset: { type: 'string' }, data: { type: 'string' }, force: { type: 'boolean' } },
  async run(args) {
    const { presetText, presetNames } = await import('../../config');
    const file = resolve(onlyPositional(init, args, 'the config file'));
    const preset = textOption(args, 'preset') ?? 'voco-10k';
    const known = presetNames.find((name) => name === preset);
    if (!known) throw new UsageError(`voco init: unknown preset "${preset}"; presets: ${presetNames.join(', ')}`);
    if (existsSync(file) && !args.values.force) {
      throw new UsageError(`${file}: exists already; choose another name or add --force`);
    }
    await writeFileAtomically(file, presetText(known, { data: textOption(args, 'data') }));
    process.stdout.write(`${file}\n`);
    return ExitCode.done;
  },
};
