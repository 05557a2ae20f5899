import type { TaskPreview } from '../../tasks';
import { cropPreview } from '../crops/preview';
import { methodOf } from '../crops/settings';
import type { PositionMethod } from './descriptor';
import { gridOf, placedSample } from './sampler';

/** Crops with VoCo's grid over the volume. */
export const positionPreview: TaskPreview = {
  open(config, volume) {
    const { counts, crop, origin } = gridOf({ volume }, methodOf<PositionMethod>(config));
    return { ...cropPreview(placedSample).open(config, volume), grid: { counts, crop, origin } };
  },
};
