import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { obstacle, targets, UNIVERSAL } from '../../../packaging/targets.mjs';

const webgpu = join(import.meta.dirname, '../../../node_modules/webgpu/dist');

describe('which packages a machine can make', () => {
  it('its own, where the native engine is built or can be', () => {
    expect(obstacle('linux-arm64', { engine: true, machine: 'linux-arm64' })).toBeUndefined();
    const without = obstacle('linux-arm64', { engine: false, machine: 'linux-arm64' });
    expect(without).toMatch(/^--target linux-arm64: the native engine is not built .* libdnnl-dev.* --without-engine$/);
  });

  it('none of another kind of machine, unless the engine is left out', () => {
    const reason = obstacle('darwin-arm64', { engine: true, machine: 'linux-x64' });
    expect(reason).toMatch(/^--target darwin-arm64: .* compiled on such a machine, and this is linux-x64/);
    expect(obstacle('darwin-arm64', { engine: true, machine: 'linux-x64', withoutEngine: true })).toBeUndefined();
  });

  it('on any machine those that have no engine', () => {
    for (const target of [UNIVERSAL, 'win32-x64'])
      expect(obstacle(target, { engine: false, machine: 'linux-arm64' })).toBeUndefined();
  });

  it('none of a platform that is not known, which is told with those that are', () => {
    expect(obstacle('linux-x86', { engine: true })).toBe(
      '--target linux-x86: there are universal, linux-x64, linux-arm64, darwin-arm64, win32-x64',
    );
  });

  it('and the webgpu package has a binding for each', () => {
    for (const { binding } of Object.values(targets)) expect(existsSync(join(webgpu, binding, 'dawn.node'))).toBe(true);
  });
});
