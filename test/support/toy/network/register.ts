import { networkBuilders } from '../../../../src/nets/builders';
import { networkDescriptors } from '../../../../src/nets/descriptors';
import { toyBuilder } from './builder';
import { toyDescriptor } from './descriptor';

/** Puts both halves of the toy network beside ours. @returns what takes them out again */
export function registerToyNetwork(): () => void {
  const removals = [networkDescriptors.register('toy', toyDescriptor), networkBuilders.register('toy', toyBuilder)];
  return () => removals.forEach((remove) => remove());
}
