/** Names of the tensors of nnU-Net's ResidualEncoderUNet, and what they tell of the network. */
import type { Aliases } from '../descriptor';
import { shortened } from './topology';

const UNIT = String.raw`(conv|norm)\.(weight|bias)`;

/** Every name of ours: the first of the keys that a tensor has there. */
export const NAMES = new RegExp(
  [
    String.raw`^(encoder\.stem\.convs\.0\.${UNIT}`,
    String.raw`encoder\.stages\.\d+\.blocks\.\d+\.(conv[12]|skip\.[01])\.${UNIT}`,
    String.raw`decoder\.stages\.\d+\.convs\.\d+\.${UNIT}`,
    String.raw`decoder\.(transpconvs|seg_layers)\.\d+\.(weight|bias))$`,
  ].join('|'),
);

const IN_UNIT = new RegExp(String.raw`^(.*\.)${UNIT}$`);
/** The places of a unit's layers in its `all_modules`. */
const PLACES = { conv: '0', norm: '1' } as const;

/** A unit's keys once more, as `all_modules` has them. */
const inAllModules = (name: string): string =>
  name.replace(IN_UNIT, (_, unit: string, layer: keyof typeof PLACES, kind: string) => `${unit}all_modules.${PLACES[layer]}.${kind}`); // prettier-ignore

/** Runs of names of one unit, and names that are of none alone, in their order. */
function unitsOf(names: readonly string[]): string[][] {
  const units: string[][] = [];
  let last: string | undefined;
  for (const name of names) {
    const unit = IN_UNIT.exec(name)?.[1];
    if (unit !== undefined && unit === last) units.at(-1)!.push(name);
    else units.push([name]);
    last = unit;
  }
  return units;
}

interface Keyed {
  readonly key: string;
  readonly name: string;
}

function withAllModules(names: readonly string[]): Keyed[] {
  return unitsOf(names).flatMap((unit) => {
    const own = unit.map((name) => ({ key: name, name }));
    return IN_UNIT.test(unit[0]!) ? [...own, ...unit.map((name) => ({ key: inAllModules(name), name }))] : own;
  });
}

/**
 * Each convolution unit registers its layers twice, and the decoder holds the encoder. In files of nnssl's SparK the two are not
 * the same: `conv` and `norm` hold first values there, and `all_modules`, which comes after them, what was trained.
 */
export const aliases: Aliases = {
  nameOf: (key) =>
    key
      .replace(/^decoder\.(?=encoder\.)/, '')
      .replace(/\.all_modules\.([01])\.(?=(weight|bias)$)/, (_, place) => (place === '0' ? '.conv.' : '.norm.')),
  keysOf(names) {
    const isEncoder = (name: string): boolean => name.startsWith('encoder.');
    const encoder = withAllModules(names.filter(isEncoder));
    const rest = names.filter((name) => !isEncoder(name));
    // An encoder alone has no decoder that would hold it.
    const held = rest.length === 0 ? [] : encoder.map(({ key, name }) => ({ key: `decoder.${key}`, name }));
    return [...encoder, ...held, ...withAllModules(rest)];
  },
};

type Shapes = ReadonlyMap<string, readonly number[]>;

/** What `of` gives for 0, 1, 2, … until there is nothing more. */
function counted<T>(of: (index: number) => T | undefined): T[] {
  const found: T[] = [];
  for (let next = of(0); next !== undefined; next = of(found.length)) found.push(next);
  return found;
}

/** What the shapes of such a network tell of its section; undefined of any other. Strides are told by the decoder alone. */
export function inferred(shapes: Shapes) {
  const stem = shapes.get('encoder.stem.convs.0.conv.weight');
  const kernels = counted((i) => shapes.get(`encoder.stages.${i}.blocks.0.conv1.conv.weight`));
  if (stem?.length !== 5 || kernels.length < 2 || kernels.some(({ length }) => length !== 5)) return undefined;
  const blocks = kernels.map((_, i) => counted((j) => shapes.get(`encoder.stages.${i}.blocks.${j}.conv1.conv.weight`)));
  const ups = counted((i) => shapes.get(`decoder.transpconvs.${i}.weight`)?.slice(2));
  const convs = ups.map((_, i) => counted((j) => shapes.get(`decoder.stages.${i}.convs.${j}.conv.weight`)).length);
  return {
    stages: kernels.length,
    features: shortened(kernels.map(([channels]) => channels!)),
    blocks: shortened(blocks.map(({ length }) => length)),
    kernels: shortened(kernels.map((shape) => shape.slice(2))),
    ...(ups.length === kernels.length - 1 && {
      strides: shortened([[1, 1, 1], ...[...ups].reverse()]),
      decoderConvs: shortened(convs),
    }),
    convBias: shapes.has('encoder.stem.convs.0.conv.bias'),
    inChannels: stem[1]!,
  };
}
