import type { ObjectiveDescriptor } from '../descriptor';

export const nnsslDescriptor = {
  name: 'nnssl',
  description:
    'as in nnssl (no teacher, positive and negative parts over the whole batch, mean base similarity above 0)',
  needs: { teacherEncoder: false, teacherProjector: false },
  projector: { hidden: 2048, out: 2048 },
  partNames: ['positive', 'negative', 'regularizer'],
  contrastsVolumes: false,
} as const satisfies ObjectiveDescriptor;
