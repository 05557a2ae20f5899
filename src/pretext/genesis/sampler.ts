import { finiteRange } from '../../volume';
import { cleanCrop, taskStream, type MakeSample } from '../crops/sample';
import { cropSampler } from '../crops/sampler';
import { bendIntensities, paintInside, paintOutside, shuffleWindows } from './corruptions';
import type { GenesisMethod } from './descriptor';

/** The values brought to 0 to 1 by their range, and what brings them back. */
function toUnit(voxels: Float32Array): { unit: Float32Array; back: (unit: Float32Array) => Float32Array } {
  const [low, high] = finiteRange(voxels);
  const range = high > low ? high - low : 1;
  return {
    unit: voxels.map((value) => (value - low) / range),
    back: (unit) => unit.map((value) => value * range + low),
  };
}

/**
 * Corrupts a crop in up to four ways; the clean one is the target. The released code expects intensities of 0 to 1; those of a
 * z-score would be clamped by its curve (docs/pretext.md), so they are brought there and back. Held-out crops are corrupted, too.
 */
export const corruptedSample: MakeSample<GenesisMethod> = (draw, method) => {
  const { box, voxels, plain, words, size, kept } = cleanCrop(draw, method);
  const random = taskStream(draw);
  const done: string[] = [];
  const { unit, back } = toUnit(voxels);
  if (random.uniform() < method.shuffle) {
    shuffleWindows(unit, size, random);
    done.push('voxels shuffled');
  }
  if (random.uniform() < method.nonlinear) {
    bendIntensities(unit, random);
    done.push('intensities bent');
  }
  if (random.uniform() < method.paint) {
    const inside = random.uniform() < method.inpaint;
    (inside ? paintInside : paintOutside)(unit, size, random);
    done.push(inside ? 'boxes painted over' : 'all but some boxes painted over');
  }
  return { box, plain, rows: [{ input: back(unit), target: voxels, kept: kept() }], words: [...words, ...done] };
};

export const genesisSampler = cropSampler(corruptedSample);
