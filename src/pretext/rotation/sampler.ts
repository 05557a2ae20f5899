import { cleanCrop, taskStream, type CropDraw, type MakeSample } from '../crops/sample';
import { cropSampler } from '../crops/sampler';
import { turnsAbout, type Turn } from '../crops/turns';
import { turned, turnText } from '../crops/turns';
import type { RotationMethod } from './descriptor';

/** The classes of the task, by number. */
export const turnClasses = (turns: RotationMethod['turns']): readonly Turn[] =>
  turnsAbout(turns === 'all' ? [0, 1, 2] : [2]);

/** The turn of a crop, each class equally likely. */
export function drawTurn(draw: CropDraw, turns: RotationMethod['turns']): { label: number; turn: Turn } {
  const classes = turnClasses(turns);
  const label = taskStream(draw).integer(0, classes.length);
  return { label, turn: classes[label]! };
}

/** Turns a crop; which turn it was is its class. Held-out crops are turned as well, always alike. */
export const turnedSample: MakeSample<RotationMethod> = (draw, method) => {
  const { box, voxels, plain, words, size } = cleanCrop(draw, method);
  const { label, turn } = drawTurn(draw, method.turns);
  const rows = [{ input: turned(voxels, size, turn), labels: [label] }];
  return { box, plain, rows, words: [...words, turnText(turn)] };
};

export const rotationSampler = cropSampler(turnedSample);
