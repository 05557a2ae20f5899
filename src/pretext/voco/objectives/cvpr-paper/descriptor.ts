import type { ObjectiveDescriptor } from '../descriptor';

export const cvprPaperDescriptor = {
  name: 'cvpr-paper',
  description:
    'as printed in the CVPR 2024 paper (no teacher, one log loss over all bases, mean absolute base similarity)',
  needs: { teacherEncoder: false, teacherProjector: false },
  projector: { hidden: 2048, out: 2048 },
  partNames: ['prediction', 'regularizer'],
  contrastsVolumes: false,
} as const satisfies ObjectiveDescriptor;
