import type { ParameterSet } from '../nets';
import { rootMeanSquare } from './rootMeanSquare';
import { significant } from '../text';

/** A step of Adam moves every value by about the rate: more than this share of a kernel's root mean square replaces it. */
const SHARE = 0.5;

const rounded = (value: number): string => significant(value, 2);

/**
 * Says where loaded kernels are so small that Adam would replace them within its first steps. Of kernels in front of an
 * instance norm only the direction counts, so that large rates train them well from random weights, and nothing in a run
 * shows that the pre-trained ones are gone.
 *
 * @param rateOf learning rate of a parameter, 0 where it is frozen
 * @returns undefined where no kernel is in danger
 */
export async function warnOfOverwriting(
  parameters: ParameterSet,
  loaded: readonly string[],
  rateOf: (name: string) => number,
): Promise<string | undefined> {
  const names = new Set(loaded);
  const kernels = parameters.all.filter(({ name, scaleFree }) => scaleFree && names.has(name));
  const sizes = await Promise.all(
    kernels.map(async ({ name, variable }) => ({
      name,
      rate: rateOf(name),
      size: rootMeanSquare((await variable.data()) as Float32Array),
    })),
  );
  const small = sizes.filter(({ size, rate }) => rate > SHARE * size).sort((a, b) => a.size / a.rate - b.size / b.rate);
  const [worst] = small;
  if (!worst) return undefined;
  return (
    `warning: the first steps will overwrite ${small.length} of ${kernels.length} kernels of the checkpoint: each step moves ` +
    `their values by about ${rounded(worst.rate)}, and those of ${worst.name} have a root mean square of ` +
    `${rounded(worst.size)}; set init.kernelScale (0.25, say), or lower init.encoderRate or optimizer.lr`
  );
}
