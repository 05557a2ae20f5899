import { UserError } from '../errors/userError';
import type { Vec3 } from '../geometry';
import { formatSize } from '../text';
import type { NetworkDescriptor, NetworkSection } from './descriptor';

/** @throws UserError for a size of crops that the network cannot take */
export function checkInputSize<Section extends NetworkSection>(
  descriptor: Pick<NetworkDescriptor<Section>, 'sizeProblem'>,
  section: Section,
  size: Vec3,
): void {
  const problem = descriptor.sizeProblem(section, size);
  if (problem) throw new UserError(`input size ${formatSize(size)}: ${problem.message}`);
}
