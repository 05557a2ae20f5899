import type { CropImage } from '../../tasks';
import { cropPreview } from '../crops/preview';
import type { CropSample } from '../crops/sample';
import type { JigsawMethod } from './descriptor';
import { permutationTable } from './permutations';
import { assembled, shuffledSample, solved } from './sampler';

/** The order and the turns of a sample's cubes. */
const labelsOf = ({ rows }: CropSample) => ({
  order: rows[0]!.labels![0]!,
  turns: rows.map(({ labels }) => labels![1]!),
});

/** The crop with its cubes as they are shown to the network, and as they belong. */
export const jigsawPreview = cropPreview<JigsawMethod>(shuffledSample, (sample, method) => {
  const cubes = sample.rows.map(({ input }) => input);
  const { order, turns } = labelsOf(sample);
  const image = (name: string, shown: readonly Float32Array[]): CropImage => {
    const { voxels, gaps } = assembled(shown, method);
    return { name, voxels, hidden: gaps };
  };
  const { length } = permutationTable(cubes.length, method.permutations);
  const turned = turns.filter((turn) => turn > 0).length;
  return {
    goesIn: [image('The cubes, each by itself', cubes)],
    asked: [image('The cubes as they belong', solved(cubes, { order, turns }, method))],
    question: `Which of ${length} orders: number ${order + 1}${method.turns ? `; which cubes are turned: ${turned} of ${cubes.length}` : ''}`,
  };
});
