import type { TaskPreview } from '../../tasks';
import { cropPreview } from '../crops/preview';
import { methodOf } from '../crops/settings';
import { gridOnVolume } from '../voco/geometry';
import type { PositionMethod } from './descriptor';
import { placedSample, WHOLE } from './sampler';

const placed = cropPreview<PositionMethod>(placedSample, ({ rows }) => {
  const [{ input, labels }] = rows as [(typeof rows)[number]];
  return {
    goesIn: [{ name: 'The crop', voxels: input }],
    asked: [],
    label: Float64Array.from(labels!, (share) => share / WHOLE),
  };
});

/** Crops with VoCo's grid over the volume. */
export const positionPreview: TaskPreview = {
  open(config, volume) {
    const { counts, crop, origin } = gridOnVolume(volume, methodOf<PositionMethod>(config));
    return { ...placed.open(config, volume), grid: { counts, crop, origin } };
  },
};
