import type { FinetuneConfig } from '../config';
import type { Network } from '../nets';
import type { Parameter } from '../nets/parameters';
import type { ParameterGroup, TrainedModel, Transferable } from '../tasks';

/** A network that is fine-tuned: it knows which of its parameters pre-training learns. */
export interface Trainable extends Network, Transferable {
  /** Left out: everything is trained. */
  isTrained?(name: string): boolean;
}

/**
 * The encoder with a rate of its own, frozen or frozen at first, and the rest.
 *
 * @param totalSteps optimizer steps of the whole run
 */
export function trainedGroups(
  config: FinetuneConfig,
  network: Trainable,
  totalSteps: number,
): Required<Pick<TrainedModel<never>, 'groups' | 'groupsAt'>> {
  const { checkpoint, freezeEncoder, freezeFor, encoderRate } = config.init;
  const trained = network.parameters.all.filter(({ name }) => network.isTrained?.(name) ?? true);
  const encoder = freezeEncoder ? [] : trained.filter(({ name }) => network.isEncoderParameter(name));
  const rest = trained.filter(({ name }) => !network.isEncoderParameter(name));
  const group = (name: string, parameters: readonly Parameter[], rate: number): ParameterGroup[] =>
    parameters.length === 0 ? [] : [{ name, parameters, rate }];
  const decoder = group('decoder', rest, 1);
  // The encoder is last: in steps that freeze it there are gradients of the rest alone.
  const groups = [...decoder, ...group('encoder', encoder, encoderRate)];
  // Random weights have nothing to keep.
  const frozen = checkpoint === null ? 0 : Math.round(freezeFor * totalSteps);
  return { groups, groupsAt: (step) => (step < frozen ? decoder.length : groups.length) };
}
