import process from 'node:process';
import { ExitCode } from '../../../errors/userError';
import type { Command } from '../command';

export const devices: Command = {
  name: 'devices',
  usage: 'voco devices [--json]',
  summary: 'lists the devices that can train here, and why the others cannot',
  options: { json: { type: 'boolean' } },
  async run(args) {
    const { listDevices } = await import('../../../tensor/backends');
    const found = await listDevices();
    if (args.values.json) {
      process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
      return ExitCode.done;
    }
    const width = Math.max(...found.map((device) => device.name.length)) + 2;
    for (const device of found) {
      const detail = device.usable ? device.description : `not usable: ${device.reason}`;
      process.stdout.write(`${device.usable ? '✓' : '✗'} ${device.name.padEnd(width)}${detail}\n`);
    }
    return ExitCode.done;
  },
};
