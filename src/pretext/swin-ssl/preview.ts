import { askedOf, cropPreview } from '../crops/preview';
import { turnText } from '../crops/turns';
import type { SwinSslMethod } from './descriptor';
import { VIEW_TURNS, viewsSample } from './sampler';

export const swinSslPreview = cropPreview<SwinSslMethod>(viewsSample, ({ rows }) => {
  const turns = rows.map(({ labels }, view) => `view ${view + 1} ${turnText(VIEW_TURNS[labels![0]!]!)}`);
  return {
    goesIn: rows.map(({ input }, view) => ({ name: `View ${view + 1}`, voxels: input })),
    asked: rows.map((row, view) => ({ name: `View ${view + 1} without holes`, voxels: row.target!, ...askedOf(row) })),
    question: `The turns (${turns.join(', ')}), and which views of the batch are of one crop`,
  };
});
