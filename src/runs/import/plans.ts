const MAX_TEXT = 80;
/** A plan gives one number an axis. */
const MAX_AXES = 8;

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, MAX_TEXT) : undefined;

/** A dict of the file. Only what is asked for is looked at: dicts may hold one another many times over. */
type Dict = ReadonlyMap<unknown, unknown>;

const dictOf = (value: unknown): Dict | undefined => (value instanceof Map ? value : undefined);

const numbers = (value: unknown): string | undefined =>
  Array.isArray(value) && value.length <= MAX_AXES && value.every((one) => typeof one === 'number')
    ? value.join('×')
    : undefined;

/** "patch 160×160×160, spacing 1×1×1 mm" of the chosen configuration of plans, or of the first. */
function configurationText(configurations: Dict | undefined, chosen: string | undefined): string[] {
  const name = chosen !== undefined && configurations?.has(chosen) ? chosen : configurations?.keys().next().value;
  const configuration = dictOf(configurations?.get(name));
  if (!configuration) return [];
  const [patch, spacing] = [numbers(configuration.get('patch_size')), numbers(configuration.get('spacing'))];
  return [
    `configuration ${textOf(name) ?? '(no name)'}`,
    ...(patch ? [`patch ${patch}`] : []),
    ...(spacing ? [`spacing ${spacing} mm`] : []),
  ];
}

/** The plan that nnssl and nnU-Net save beside their weights, in a few words; undefined where there is none. */
export function planText(root: unknown): string | undefined {
  const file = dictOf(root);
  const adaptation = dictOf(file?.get('nnssl_adaptation_plan'));
  const init = dictOf(file?.get('init_args'));
  const plans = dictOf(adaptation ? adaptation.get('pretrain_plan') : init?.get('plans'));
  if (!plans) return undefined;
  const facts = [
    textOf(dictOf(adaptation?.get('architecture_plans'))?.get('arch_class_name')),
    textOf(file?.get('trainer_name')),
    textOf(plans.get('dataset_name')),
    ...configurationText(dictOf(plans.get('configurations')), textOf(init?.get('configuration'))),
  ];
  const known = facts.filter((fact) => fact !== undefined);
  return known.length > 0 ? `plan of ${adaptation ? 'nnssl' : 'nnU-Net'}: ${known.join(', ')}` : undefined;
}
