/** Whether, and how, this processor multiplies in bfloat16. */
import process from 'node:process';
import type { Addon } from './addon';

/** How the addon multiplies: `Precision` in native/src/kernels.h. */
export const Multiply = { float32: 0, bf16: 1, emulated: 2, emulatedAmx: 3 } as const;

export type Bf16Support = { ok: true; multiply: number; how: string } | { ok: false; reason: string };

/**
 * What `"precision": "bf16"` stands for here. For tests, the environment variable VOCO_EMULATE_BF16 rounds operands and
 * multiplies them as float32, by the code for AVX512-BF16 (`1`) or for AMX (`amx`): right on any processor with AVX2, and slow.
 */
export function bf16Support(
  addon: Partial<Pick<Addon, 'bf16' | 'supports'>>,
  emulate = process.env.VOCO_EMULATE_BF16,
): Bf16Support {
  if (!addon.supports || !addon.bf16) {
    return { ok: false, reason: 'the native addon was built before it had bf16: run `npm run build:native`' };
  }
  if (emulate) {
    const multiply = emulate === 'amx' ? Multiply.emulatedAmx : Multiply.emulated;
    if (addon.supports(multiply)) return { ok: true, multiply, how: 'bf16 emulated and slow (VOCO_EMULATE_BF16)' };
    return { ok: false, reason: 'the processor lacks AVX2, which VOCO_EMULATE_BF16 needs' };
  }
  if (!addon.supports(Multiply.bf16)) {
    return { ok: false, reason: 'the processor has neither AVX512-BF16 nor AMX-BF16' };
  }
  return { ok: true, multiply: Multiply.bf16, how: `bf16 by AVX512-BF16${addon.bf16().amx ? ' and AMX' : ''}` };
}
