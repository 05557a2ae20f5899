import type { ObjectiveDescriptor } from '../descriptor';

export const voco10kDescriptor = {
  name: 'voco-10k',
  description:
    'as in the released code (teacher network by moving average, positive and negative parts, squared base similarity)',
  needs: { teacherEncoder: true, teacherProjector: true },
  projector: { hidden: 2048, out: 2048 },
  partNames: ['positive', 'negative', 'regularizer'],
  contrastsVolumes: false,
} as const satisfies ObjectiveDescriptor;
