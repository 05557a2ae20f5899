import { cpus, totalmem } from 'node:os';
import { UserError } from '../../errors/userError';
import { setBackend } from './cpu';
import type { Device } from './types';

const processor = (): string => cpus()[0]?.model.trim() ?? 'unknown processor';

/** Our native addon on oneDNN. */
export const onednn: Device = {
  async list() {
    const { loadOneDnn } = await import('./onednn');
    const loaded = loadOneDnn();
    return [
      {
        name: 'onednn',
        usable: loaded.ok,
        reason: loaded.ok ? undefined : loaded.reason,
        description: `oneDNN, ${cpus().length} cores: ${processor()}`,
        memoryBytes: totalmem(),
        precisions: ['float32'],
        automatic: true,
      },
    ];
  },
  async use({ threads }) {
    const { loadOneDnn, registerOneDnn } = await import('./onednn');
    const loaded = loadOneDnn();
    if (!loaded.ok) throw new UserError(`device onednn: ${loaded.reason}`);
    const used = threads || cpus().length;
    registerOneDnn(used);
    await setBackend('onednn');
    return { name: 'onednn', backend: 'onednn', description: processor(), memoryBytes: totalmem(), threads: used };
  },
};
