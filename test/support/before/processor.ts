import { cpus } from 'node:os';
import { loadAddon } from '../../../src/tensor/backends/onednn/addon';

/** The processor and the instructions that the CPU engine uses: where it is the same, sums come out to the same bit. */
export function processor(): string {
  const loaded = loadAddon();
  const isa = loaded.ok ? loaded.addon.describe().isa : 'none';
  return [cpus()[0]?.model, isa, process.env.VOCO_ISA].filter(Boolean).join(', ');
}
