import { cleanCrop, type MakeSample } from '../crops/sample';
import { cropSampler } from '../crops/sampler';
import { turned, turnText } from '../crops/turns';
import { drawTurn } from '../rotation/sampler';
import type { RotateRestoreMethod } from './descriptor';

/** Turns a crop; the upright one is the target. */
export const restoredSample: MakeSample<RotateRestoreMethod> = (draw, method) => {
  const { box, voxels, plain, words, size, kept } = cleanCrop(draw, method);
  const { turn } = drawTurn(draw, method.turns);
  const rows = [{ input: turned(voxels, size, turn), target: voxels, kept: kept() }];
  return { box, plain, rows, words: [...words, turnText(turn)] };
};

export const rotateRestoreSampler = cropSampler(restoredSample);
