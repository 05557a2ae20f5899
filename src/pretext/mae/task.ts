import { restoringTask } from '../crops/restoring';
import { maeDescriptor, type MaeMethod } from './descriptor';

/** Mean squared error of the hidden voxels (He et al. 2022; nnssl's `BaseMAETrainer`, without normalised targets). */
export const maeTask = restoringTask<MaeMethod>(maeDescriptor, true);
