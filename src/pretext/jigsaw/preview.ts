import type { PretrainConfig } from '../../config';
import { cropPreview, drawn } from '../crops/preview';
import type { TaskPreview } from '../../tasks';
import { methodOf } from '../crops/settings';
import type { JigsawMethod } from './descriptor';
import { assembled, shuffledSample } from './sampler';

/** The crop with its cubes as they are shown to the network, put together. */
export const jigsawPreview: TaskPreview = {
  open(config: PretrainConfig, volume) {
    const method = methodOf<JigsawMethod>(config);
    const preview = cropPreview<JigsawMethod>(shuffledSample, (sample) => {
      const plain = sample.plain();
      const cubes = sample.rows.map(({ input }) => input);
      const shown = { ...drawn({ ...sample, rows: sample.rows.slice(0, 1), plain: () => plain }), target: plain };
      return { ...shown, seen: assembled(plain, method.crop, cubes, method) };
    });
    return preview.open(config, volume);
  },
};
