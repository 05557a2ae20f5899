import type { NnsslArchitecture } from '../descriptor';
import { PUBLISHED, sizeOf, type PublishedName } from './rules';
import type { PrimusSection } from './schema';

/** Voxels of a token along each axis in all of theirs. */
const PATCH = '8,8,8';

/** What nnssl and nnU-Net call such a network: undefined for one of a size that they do not have. */
export function nnsslOf(section: PrimusSection): NnsslArchitecture | undefined {
  const own = JSON.stringify(sizeOf(section));
  const size = (Object.keys(PUBLISHED) as PublishedName[]).find((name) => JSON.stringify(PUBLISHED[name]) === own);
  if (!size || section.patch.join() !== PATCH || section.layerScale === null || !section.innerNorm) return undefined;
  return {
    ...{ name: `Primus${size}`, kwargs: null, imports: null },
    encoder: 'eva',
    stem: 'down_projection',
    inputs: ['down_projection.proj'],
    positions: 'eva.pos_embed',
  };
}
