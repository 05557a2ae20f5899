/** The devices a job can run on. Nothing of a device is loaded before it is asked for. */
import { UsageError, UserError } from '../../errors/userError';
import { cpu, wasm } from './cpu';
import { cuda } from './cuda';
import { onednn } from './onednnDevice';
import type { Device, DeviceInfo, DeviceName, DeviceOptions, DeviceStatus } from './types';
import { webgpu } from './webgpuDevice';

export type { DeviceInfo, DeviceOptions, DeviceStatus, Precision } from './types';
export { releaseWebgpu } from './webgpuDevice';

const DEVICES: Record<DeviceName, Device> = { cuda, webgpu, onednn, wasm, cpu };
/** The order in which `auto` tries them, and in which they are listed. */
const ORDER = Object.keys(DEVICES) as DeviceName[];

/** Every device, usable or not, best first. */
export async function listDevices(): Promise<DeviceStatus[]> {
  const lists = [];
  for (const name of ORDER) lists.push(await DEVICES[name].list());
  return lists.flat();
}

function parse(spec: string): { name: DeviceName; which?: string } {
  const [name, which] = spec.split(/:(.*)/s) as [string, string?];
  if (!Object.hasOwn(DEVICES, name) || (which !== undefined && name !== 'webgpu') || which === '') {
    throw new UsageError(
      `device "${spec}" is not known: use auto, ${ORDER.join(', ')}, or webgpu:1 for the second GPU`,
    );
  }
  return { name: name as DeviceName, which };
}

const lacks = (name: string, precision: string): string =>
  `device ${name} does not compute in ${precision}: set "precision" to "float32"`;

/** The device `auto` stands for: the first usable one that has the precision. */
async function automatic({ precision = 'float32' }: DeviceOptions): Promise<DeviceName> {
  let usable = 0;
  for (const name of ORDER) {
    const found = (await DEVICES[name].list()).filter((status) => status.usable && status.automatic);
    if (found.some((status) => status.precisions.includes(precision))) return name;
    usable += found.length;
  }
  if (usable > 0) throw new UsageError(`no device here computes in ${precision}: set "precision" to "float32"`);
  throw new UserError('no device is usable: see `voco devices`');
}

/**
 * Makes a device the current one for all tensors.
 *
 * @param spec `auto`, or a name that {@link listDevices} gives; `webgpu:` may be followed by a part of the GPU's name.
 * @throws UsageError for a name or a precision that does not exist, UserError where the device cannot be used.
 */
export async function useDevice(spec: string, options: DeviceOptions = {}): Promise<DeviceInfo> {
  const { name, which } = spec === 'auto' ? { name: await automatic(options), which: undefined } : parse(spec);
  const precision = options.precision ?? 'float32';
  if (precision !== 'float32') {
    const statuses = await DEVICES[name].list();
    if (!statuses.some((status) => status.precisions.includes(precision))) throw new UsageError(lacks(spec, precision));
  }
  return { ...(await DEVICES[name].use(options, which)), precision };
}
