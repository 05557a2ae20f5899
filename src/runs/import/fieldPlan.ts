import { UserError } from '../../errors/userError';
import { mapAxes, type Vec3 } from '../../geometry';

/** A dict of a file. Only what is asked for is looked at: dicts may hold one another many times over. */
type Dict = ReadonlyMap<unknown, unknown>;

/** How the intensities of a channel were scaled. */
export interface Normalization {
  /** Name of the class: "ZScoreNormalization". */
  readonly scheme: string;
  /** It looks at non-zero voxels alone. */
  readonly masked: boolean;
  /** Of nnU-Net's CT scheme: intensities were cut to low and high, then mean and deviation were taken out. */
  readonly ct?: { readonly low: number; readonly high: number; readonly mean: number; readonly deviation: number };
}

/** How the images of a training were prepared, and in which order of axes its network saw them. */
export interface FieldPlan {
  readonly origin: 'nnssl' | 'nnU-Net';
  readonly architecture?: string;
  readonly trainer?: string;
  readonly dataset?: string;
  readonly configuration?: string;
  readonly channels?: number;
  /** Voxels and mm along our axes x, y, z. A spacing of `null`: images were not resampled. */
  readonly patch?: Vec3;
  readonly spacing?: Vec3 | null;
  readonly downstreamPatch?: Vec3;
  /** Of each channel. */
  readonly normalization?: readonly Normalization[];
  /** Which axis of the file's arrays each of ours is: [2, 1, 0] for arrays z, y, x. */
  readonly axes: Vec3;
  /** The plan as nnssl's JSON has it: plain values. */
  readonly json?: unknown;
}

/** Arrays as SimpleITK gives them: z, y, x. */
export const SIMPLE_ITK: Vec3 = [2, 1, 0];

const MAX_TEXT = 80;
const MAX_CHANNELS = 64;
/** Of a plan that is kept as it is. A real one has some hundred values. */
const MAX_VALUES = 5000;
const MAX_DEPTH = 12;

const dictOf = (value: unknown): Dict | undefined => (value instanceof Map ? value : undefined);

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, MAX_TEXT) : undefined;

const isTriple = (value: unknown): value is [number, number, number] =>
  Array.isArray(value) && value.length === 3 && value.every((one) => typeof one === 'number' && Number.isFinite(one));

/** Plain values of a dict, as JSON has them; undefined where there is more of it than of any plan. */
function plain(value: unknown): unknown {
  let left = MAX_VALUES;
  const copy = (one: unknown, depth: number): unknown => {
    left -= 1;
    if (left < 0 || depth > MAX_DEPTH) throw new RangeError();
    if (Array.isArray(one)) return one.map((item) => copy(item, depth + 1));
    if (one instanceof Map)
      return Object.fromEntries([...one].map(([key, item]) => [String(key), copy(item, depth + 1)]));
    return ['string', 'number', 'boolean'].includes(typeof one) ? one : null;
  };
  try {
    return copy(value, 0);
  } catch {
    return undefined;
  }
}

/**
 * The order of axes after `transpose_forward`: array axis k of the network is axis `forward[k]` of SimpleITK's array, which is
 * axis `2 - forward[k]` of ours.
 */
function axesFrom(forward: unknown, file: string): Vec3 {
  if (forward === undefined || forward === null) return SIMPLE_ITK;
  if (!isTriple(forward) || [...forward].sort().join() !== '0,1,2')
    throw new UserError(
      `${file}: the plan in it says transpose_forward ${JSON.stringify(plain(forward) ?? null).slice(0, MAX_TEXT)}, which is no order of three axes: ` +
        'the weights cannot be brought to the order of axes of this program; repair the plan',
    );
  return mapAxes((axis) => forward.indexOf(2 - axis));
}

/** Numbers along the axes of the file's arrays, along ours. */
function alongOurs(value: unknown, axes: Vec3): Vec3 | undefined {
  return isTriple(value) ? mapAxes((axis) => value[axes[axis]]!) : undefined;
}

/** Intensities of the foreground of a channel, as nnU-Net's plans have them. */
function ctOf(plans: Dict, channel: number): Normalization['ct'] {
  const facts = dictOf(dictOf(plans.get('foreground_intensity_properties_per_channel'))?.get(String(channel)));
  const numbers = ['percentile_00_5', 'percentile_99_5', 'mean', 'std'].map((key) => facts?.get(key));
  if (!numbers.every((one): one is number => typeof one === 'number' && Number.isFinite(one))) return undefined;
  const [low, high, mean, deviation] = numbers as [number, number, number, number];
  return low < high && deviation > 0 ? { low, high, mean, deviation } : undefined;
}

function normalizationOf(plans: Dict, configuration: Dict | undefined): FieldPlan['normalization'] {
  const [schemes, masks] = [configuration?.get('normalization_schemes'), configuration?.get('use_mask_for_norm')];
  if (!Array.isArray(schemes) || schemes.length === 0 || schemes.length > MAX_CHANNELS) return undefined;
  const names = schemes.map(textOf);
  if (names.some((name) => name === undefined)) return undefined;
  const masked = (channel: number): boolean => (Array.isArray(masks) ? masks[channel] : masks) === true;
  return names.map((scheme, channel) => {
    const ct = scheme === 'CTNormalization' ? ctOf(plans, channel) : undefined;
    return { scheme: scheme!, masked: masked(channel), ...(ct && { ct }) };
  });
}

/** The chosen configuration of plans, or the first. */
function configurationOf(plans: Dict, chosen: string | undefined): { name: string; dict: Dict | undefined } {
  const configurations = dictOf(plans.get('configurations'));
  const name = chosen !== undefined && configurations?.has(chosen) ? chosen : configurations?.keys().next().value;
  return { name: textOf(name) ?? '(no name)', dict: dictOf(configurations?.get(name)) };
}

/** Keys with a value; the others are left out. */
function known<Value extends object>(value: Value): { [Key in keyof Value]: Exclude<Value[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never;
}

/** What trainings of nnssl and nnU-Net save: their weights have this key. */
export const ofNnUnet = (root: unknown): boolean => dictOf(root)?.has('network_weights') === true;

/** Of those, what nnssl's own plan may lie beside. */
export const lacksPlan = (root: unknown): boolean =>
  ofNnUnet(root) &&
  !dictOf(dictOf(root)!.get('nnssl_adaptation_plan')) &&
  !dictOf(dictOf(root)!.get('init_args'))?.has('plans');

/**
 * The plan of nnssl or nnU-Net: in the file, or of nnssl beside it.
 *
 * @param root what the file holds, dicts as Map
 * @param beside the content of `adaptation_plan.json` in the file's folder, dicts as Map; counts where the file has no plan
 * @param file for the error
 * @returns undefined where neither has one
 * @throws UserError naming the file when the plan's order of axes is none
 */
export function fieldPlan(root: unknown, beside: unknown, file: string): FieldPlan | undefined {
  const whole = dictOf(root);
  const adaptation = dictOf(whole?.get('nnssl_adaptation_plan')) ?? dictOf(beside);
  const init = dictOf(whole?.get('init_args'));
  const plans = dictOf(adaptation ? adaptation.get('pretrain_plan') : (init?.get('plans') ?? init?.get('plan')));
  if (!plans) return undefined;
  const axes = axesFrom(plans.get('transpose_forward'), file);
  const chosen = textOf(init?.get('configuration')) ?? textOf(init?.get('configuration_name'));
  const { name, dict } = configurationOf(plans, chosen);
  const [spacing, channels] = [dict?.get('spacing'), adaptation?.get('pretrain_num_input_channels')];
  return known({
    origin: adaptation ? ('nnssl' as const) : ('nnU-Net' as const),
    architecture: textOf(dictOf(adaptation?.get('architecture_plans'))?.get('arch_class_name')),
    trainer: textOf(whole?.get('trainer_name')) ?? textOf(adaptation?.get('trainer_name')),
    dataset: textOf(plans.get('dataset_name')),
    configuration: dict && name,
    channels: typeof channels === 'number' ? channels : undefined,
    patch: alongOurs(dict?.get('patch_size'), axes),
    spacing: spacing === null && dict?.has('spacing') ? null : alongOurs(spacing, axes),
    downstreamPatch: alongOurs(adaptation?.get('recommended_downstream_patchsize'), axes),
    normalization: normalizationOf(plans, dict),
    axes,
    json: adaptation && plain(adaptation),
  });
}

/** The plan that nnssl's JSON is. @throws UserError naming the file when it is none */
export function planOfJson(json: unknown, file: string): FieldPlan {
  const plan = fieldPlan(undefined, asMaps(json), file);
  if (plan) return plan;
  throw new UserError(`${file}: the plan of nnssl in it has no pretrain_plan: import the checkpoint of nnssl again`);
}

/** Plain JSON with objects as Map, as a pickle's dicts are. */
export function asMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asMaps);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([key, one]) => [key, asMaps(one)]));
}
