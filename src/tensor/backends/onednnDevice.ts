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
    const bf16 = loaded.ok ? loaded.info.bf16 : undefined;
    return [
      {
        name: 'onednn',
        usable: loaded.ok,
        reason: loaded.ok ? undefined : loaded.reason,
        description: [`oneDNN, ${cpus().length} cores: ${processor()}`, ...(bf16?.ok ? [bf16.how] : [])].join(', '),
        memoryBytes: totalmem(),
        precisions: bf16?.ok ? ['float32', 'bf16'] : ['float32'],
        lacks: bf16 && !bf16.ok ? { bf16: bf16.reason } : undefined,
        automatic: true,
      },
    ];
  },
  async use({ threads, precision }) {
    const { loadOneDnn, registerOneDnn } = await import('./onednn');
    const loaded = loadOneDnn();
    if (!loaded.ok) throw new UserError(`device onednn: ${loaded.reason}`);
    const used = threads || cpus().length;
    registerOneDnn(used, precision);
    await setBackend('onednn');
    const { bf16 } = loaded.info;
    const description = precision === 'bf16' && bf16.ok ? `${processor()}, ${bf16.how}` : processor();
    return { name: 'onednn', backend: 'onednn', description, memoryBytes: totalmem(), threads: used };
  },
};
