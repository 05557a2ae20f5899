import process from 'node:process';
import { ExitCode } from '../../errors/userError';
import type { ListedDevice } from '../../protocol/devices';
import type { DeviceStatus } from '../../tensor/backends';
import type { Command } from '../command';
import { formatBytes } from '../../text';

function describe(device: DeviceStatus): string {
  if (!device.usable) return `not usable: ${device.reason}`;
  const speed = device.flopsPerSecond === undefined ? [] : [`${(device.flopsPerSecond / 1e9).toPrecision(3)} GFLOP/s`];
  const memory = device.memoryBytes === undefined ? [] : [formatBytes(device.memoryBytes)];
  const note = device.automatic ? [] : ['not taken by "auto"'];
  const lacks = Object.entries(device.lacks ?? {}).map(([precision, reason]) => ` (no ${precision}: ${reason})`);
  const precisions = device.precisions.join(' and ') + lacks.join('');
  return [device.description, ...speed, ...memory, precisions, ...note].join(' · ');
}

/** A line for each device: whether it is usable, what it is, or what it lacks. */
export function deviceLines(found: readonly DeviceStatus[]): string[] {
  const width = Math.max(...found.map((device) => device.name.length)) + 2;
  return found.map((device) => `${device.usable ? '✓' : '✗'} ${device.name.padEnd(width)}${describe(device)}`);
}

export const devices: Command = {
  name: 'devices',
  usage: 'voco devices [--quick] [--json]',
  summary: 'lists the devices that can train here, and why the others cannot',
  details:
    'Each usable device computes a convolution and its gradient as a self-test, and is timed on a 3×3×3 convolution.\n' +
    '  --quick   only lists them, without self-test and measurement',
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' } },
  async run(args) {
    const { listDevices, measureDevices } = await import('../../tensor/backends');
    const found = args.values.quick ? await listDevices() : await measureDevices();
    if (args.values.json) {
      process.stdout.write(`${JSON.stringify(found satisfies ListedDevice[], null, 2)}\n`);
      return ExitCode.done;
    }
    for (const line of deviceLines(found)) process.stdout.write(`${line}\n`);
    return ExitCode.done;
  },
};
