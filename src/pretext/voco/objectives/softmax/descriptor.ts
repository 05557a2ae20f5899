import type { ObjectiveDescriptor } from '../descriptor';

export const softmaxDescriptor = {
  name: 'softmax',
  description:
    'as the news item on the paper words it (a softmax over cosines, cross entropy with the position label, no teacher)',
  needs: { teacherEncoder: false, teacherProjector: false },
  projector: { hidden: 2048, out: 2048 },
  partNames: ['prediction', 'regularizer'],
  contrastsVolumes: false,
} as const satisfies ObjectiveDescriptor;
