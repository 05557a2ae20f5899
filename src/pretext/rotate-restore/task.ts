import { restoringTask } from '../crops/restoring';
import { rotateRestoreDescriptor, type RotateRestoreMethod } from './descriptor';

/** Mean squared error of all voxels of the upright crop. */
export const rotateRestoreTask = restoringTask<RotateRestoreMethod>(rotateRestoreDescriptor, false);
