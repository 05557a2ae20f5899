import type { NetworkDescriptor } from '../nets/descriptor';
import { networkDescriptors } from '../nets/descriptors';
import { pretextDescriptors } from '../pretext/descriptors';
import type { PretextDescriptor } from '../tasks/descriptor';

/** The networks that can learn a pretext task, in the order of the registry: what they have is in their descriptors. */
export const networksFor = ({ refuses }: Pick<PretextDescriptor, 'refuses'>): readonly NetworkDescriptor[] =>
  networkDescriptors.all.filter((network) => refuses?.(network) === undefined);

/** The names of the networks that can learn each pretext task, by its name. */
export const networksByTask = (): Record<string, readonly string[]> =>
  Object.fromEntries(pretextDescriptors.all.map((task) => [task.name, networksFor(task).map(({ name }) => name)]));
