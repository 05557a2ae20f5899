import { restoringTask } from '../crops/restoring';
import { genesisDescriptor, type GenesisMethod } from './descriptor';

/** Mean squared error of all voxels of the clean crop. */
export const genesisTask = restoringTask<GenesisMethod>(genesisDescriptor, false);
