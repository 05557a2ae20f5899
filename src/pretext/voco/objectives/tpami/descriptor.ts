import type { ObjectiveDescriptor } from '../descriptor';

export const tpamiDescriptor = {
  name: 'tpami',
  description:
    'the large-scale successor (moving average of the projector only, log negatives, contrast between volumes)',
  needs: { teacherEncoder: false, teacherProjector: true },
  projector: { hidden: 1024, out: 1024 },
  partNames: ['intra', 'inter', 'regularizer'],
  contrastsVolumes: true,
} as const satisfies ObjectiveDescriptor;
