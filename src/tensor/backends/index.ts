/** The devices a job can run on. Nothing of a device is loaded before it is asked for. */
import { UsageError, UserError } from '../../errors/userError';
import { cpu, wasm } from './cpu';
import { cuda } from './cuda';
import { onednn } from './onednnDevice';
import { measureSpeed, selfTest } from './trial';
import type { Device, DeviceInfo, DeviceName, DeviceOptions, DeviceStatus, Precision } from './types';
import { releaseWebgpu, webgpu } from './webgpuDevice';

export { measureSpeed, selfTest } from './trial';
export type { DeviceInfo, DeviceOptions, DeviceStatus, Precision } from './types';
export { releaseWebgpu };

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

/** Why devices of a kind do not compute in a precision, as a part of a sentence. */
const whyNot = (statuses: DeviceStatus[], precision: Precision): string => {
  const reason = statuses.map((status) => status.lacks?.[precision]).find((text) => text !== undefined);
  return reason === undefined ? '' : ` (${reason})`;
};

/** Devices that are worth comparing; the others are taken only when none of these is there. */
const FAST: readonly DeviceName[] = ['cuda', 'webgpu', 'onednn'];

async function candidates({ precision = 'float32' }: DeviceOptions): Promise<DeviceName[]> {
  const usable: { name: DeviceName; precise: boolean }[] = [];
  const statuses: DeviceStatus[] = [];
  for (const name of ORDER) {
    const found = (await DEVICES[name].list()).filter((status) => status.usable && status.automatic);
    if (found.length === 0) continue;
    statuses.push(...found);
    usable.push({ name, precise: found.some((status) => status.precisions.includes(precision)) });
  }
  if (usable.length === 0) throw new UserError('no device is usable: see `voco devices`');
  const precise = usable.filter((item) => item.precise).map((item) => item.name);
  if (precise.length > 0) return precise;
  throw new UsageError(
    `no device here computes in ${precision}${whyNot(statuses, precision)}: set "precision" to "float32"`,
  );
}

/** Speed of a device that works and computes rightly, else undefined. */
async function tryOut(name: DeviceName, options: DeviceOptions): Promise<number | undefined> {
  try {
    await DEVICES[name].use(options);
    return (await selfTest()) === undefined ? await measureSpeed() : undefined;
  } catch {
    return undefined;
  }
}

/** The device `auto` stands for: of those with the precision that pass a self-test, the fastest. */
async function automatic(options: DeviceOptions): Promise<DeviceName> {
  const names = await candidates(options);
  let best: { name: DeviceName; speed: number } | undefined;
  for (const name of names.filter((candidate) => FAST.includes(candidate))) {
    const speed = await tryOut(name, options);
    if (speed !== undefined && speed > (best?.speed ?? 0)) best = { name, speed };
  }
  if (best?.name !== 'webgpu') releaseWebgpu();
  if (best) return best.name;
  for (const name of names.filter((candidate) => !FAST.includes(candidate))) {
    if ((await tryOut(name, options)) !== undefined) return name;
  }
  throw new UserError('no device passes its self-test: see `voco devices`');
}

/**
 * Every device with its self-test and a short measurement (see {@link measureSpeed}). A device that fails is no longer
 * usable in this list.
 */
export async function measureDevices(): Promise<DeviceStatus[]> {
  const measured: DeviceStatus[] = [];
  for (const status of await listDevices()) {
    if (!status.usable) {
      measured.push(status);
      continue;
    }
    try {
      await useDevice(status.name);
      const wrong = await selfTest();
      if (wrong) measured.push({ ...status, usable: false, reason: wrong });
      else measured.push({ ...status, flopsPerSecond: await measureSpeed() });
    } catch (error) {
      measured.push({ ...status, usable: false, reason: (error as Error).message });
    }
  }
  releaseWebgpu();
  return measured;
}

/** Devices that compute on a GPU. */
const GPUS: readonly DeviceName[] = ['cuda', 'webgpu'];

/**
 * Why no GPU computes, as a part of a sentence, and what to do about it; undefined where one does.
 *
 * @param spec as the config names the device
 * @param name the device that is used
 */
export async function whyNoGpu(spec: string, name: string): Promise<string | undefined> {
  if (GPUS.some((gpu) => name === gpu || name.startsWith(`${gpu}:`))) return undefined;
  if (spec !== 'auto') return `device ${JSON.stringify(spec)} is asked for`;
  const statuses = (await Promise.all(GPUS.map((gpu) => DEVICES[gpu].list()))).flat();
  if (statuses.some(({ usable, automatic }) => usable && automatic)) return `${name} is faster here than the GPU`;
  return '`voco devices` tells why';
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
    if (!statuses.some((status) => status.usable)) await DEVICES[name].use(options, which);
    if (!statuses.some((status) => status.precisions.includes(precision))) {
      const why = whyNot(statuses, precision);
      throw new UsageError(`device ${spec} does not compute in ${precision}${why}: set "precision" to "float32"`);
    }
  }
  return { ...(await DEVICES[name].use(options, which)), precision };
}
