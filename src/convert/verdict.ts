import { UserError } from '../errors/userError';
import { networkText, type AnyNetwork } from '../nets';
import { describedSection, networkDescriptors } from '../nets/descriptors';
import { planWeights, type Branch, type Plan, type Recognised, type WeightsSource } from '../runs/import';
import { valueText } from '../text';

interface Named {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Below this share of the encoder's tensors, the weights are most likely of another network. */
const LEAST_SHARE = 0.5;

/** Above this share of other shapes they are of another network, too; the number of input channels changes fewer. */
const MOST_RESHAPED = 0.2;

/** What is asked of weights that are to fit a network. */
export interface Match {
  readonly source: WeightsSource;
  readonly plan: Plan;
  readonly branch: Branch | undefined;
  /** The network's tensors, and which of them the file has: in the same shape, and in another. */
  readonly layout: readonly Named[];
  readonly matched: ReadonlySet<string>;
  readonly reshaped: ReadonlySet<string>;
  /** The `network` section of the config. */
  readonly network: AnyNetwork;
}

/** What the file is, seen without the config's network: a size that does not fit shows only so. */
export function recognisedOf({
  source,
  plan,
  branch,
}: Pick<Match, 'source' | 'plan' | 'branch'>): Recognised | undefined {
  if (plan.recognised?.section) return plan.recognised;
  try {
    return planWeights(source, { branch }).recognised ?? plan.recognised;
  } catch (error) {
    if (error instanceof UserError) return plan.recognised;
    throw error;
  }
}

/** The input's channels are spread or skipped by themselves. */
const ADAPTED = new Set(['inChannels', 'name']);

/** Keys of the config's section that are not as the weights need them: "network.featureSize to 24 (now 12)". */
function keysToSet(section: NonNullable<Recognised['section']>, network: AnyNetwork): string[] {
  const own = describedSection(network);
  const full = own.section as unknown as Record<string, unknown>;
  const set = (key: string, now: unknown): string =>
    `network.${key} to ${valueText(section[key])} (now ${valueText(now)})`;
  const keys = Object.keys(section).filter((key) => !ADAPTED.has(key));
  if (own.descriptor.name !== section.name) {
    const { sizeKey, schema } = networkDescriptors.get(section.name);
    const usual = (key: string): unknown => schema.properties[key]?.default;
    // The size is told, and what is not as it usually is.
    const told = keys.filter((key) => key === sizeKey || valueText(section[key]) !== valueText(usual(key)));
    return [set('name', own.descriptor.name), ...told.map((key) => `network.${key} to ${valueText(section[key])}`)];
  }
  const normal = (own.descriptor.normal?.(own.section) ?? own.section) as unknown as Record<string, unknown>;
  return keys.filter((key) => valueText(section[key]) !== valueText(normal[key])).map((key) => set(key, full[key]));
}

/**
 * "the weights are for 4 input channels, network.inChannels is 1": what is skipped or spread; undefined where they are the same.
 *
 * @param inputChannels the config's choice, `init.inputChannels`
 */
export function channelsNote(
  recognised: Recognised | undefined,
  network: AnyNetwork,
  inputChannels: 'repeat' | 'random' = 'repeat',
): string | undefined {
  const [theirs, ours] = [recognised?.section?.inChannels, describedSection(network).section.inChannels];
  if (
    recognised?.section?.name !== describedSection(network).descriptor.name ||
    theirs === undefined ||
    theirs === ours
  )
    return undefined;
  const note = `the weights are for ${String(theirs)} input ${theirs === 1 ? 'channel' : 'channels'}, network.inChannels is ${ours}`;
  if (theirs !== 1) return note;
  if (inputChannels === 'random') return `${note}: the first layer starts with random weights (init.inputChannels)`;
  return `${note}: kernels of the first layer are repeated for each channel and divided by ${ours} (init.inputChannels)`;
}

const shown = ({ name, shape }: Named): string => `"${name}" [${shape.join(', ')}]`;

function reasonOf({ source, plan, layout, matched }: Match, found: Recognised | undefined): string {
  const first = plan.tensors.find(({ name }) => !matched.has(name));
  // What is there is right, and most is not there.
  if (!first && matched.size > 0) return `the file has only these of the network's tensors`;
  const lacking = layout.find(({ name }) => !matched.has(name));
  const example = first && lacking ? `: it has ${shown(first)}, the network ${shown(lacking)}` : '';
  const what = [...(found ? [found.text] : []), ...(source.plan ? [source.plan] : [])].join('; ');
  if (what === '') return `the file is of another network${example}`;
  return found?.section
    ? `the file is ${what}${example}`
    : `the file is ${what}, and no network of voco has such weights${example}`;
}

/**
 * Why weights must not start a network, in a sentence that names the key to set; undefined where they may. They may not where
 * they are of another size, depth or version, or where less than half of the encoder's tensors fit.
 */
export function misfit(match: Match): string | undefined {
  const { layout, matched, reshaped, network } = match;
  const { descriptor } = describedSection(network);
  const encoder = layout.filter(({ name }) => descriptor.stateDict.encoder.test(name));
  const fitting = encoder.filter(({ name }) => matched.has(name)).length;
  const found = recognisedOf(match);
  const keys = found?.section ? keysToSet(found.section, network) : [];
  const odd = encoder.filter(({ name }) => reshaped.has(name)).length;
  const many = fitting >= LEAST_SHARE * encoder.length && odd <= MOST_RESHAPED * encoder.length;
  const few = matched.size === 0 || !many || found?.isFlat === true;
  if (keys.length === 0 && !few) return undefined;
  const head = `${matched.size} of ${layout.length} tensors of the network (${networkText(network)}) fit`;
  if (keys.length === 0) return `${head}, ${fitting} of ${encoder.length} of its encoder: ${reasonOf(match, found)}`;
  return `${head}: the file is ${found!.text}; set ${keys.join(' and ')}`;
}
