import { isRecord } from '../../schema';

const MAX_DEPTH = 8;
const MAX_TEXT = 80;

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, MAX_TEXT) : undefined;

/** A dict of a file as an object, as deep as plans are. */
function plain(value: unknown, depth = 0): unknown {
  if (!(value instanceof Map)) return value;
  const entries = depth < MAX_DEPTH ? [...(value as Map<unknown, unknown>)] : [];
  return Object.fromEntries(entries.map(([key, child]) => [String(key), plain(child, depth + 1)]));
}

const numbers = (value: unknown): string | undefined =>
  Array.isArray(value) && value.every((one) => typeof one === 'number') ? value.join('×') : undefined;

/** "patch 160×160×160, spacing 1×1×1 mm" of the first configuration of plans. */
function configurationText(configurations: unknown, chosen: string | undefined): string[] {
  if (!isRecord(configurations)) return [];
  const [name, configuration] =
    Object.entries(configurations).find(([key]) => key === chosen) ?? Object.entries(configurations)[0] ?? [];
  if (!isRecord(configuration)) return [];
  const [patch, spacing] = [numbers(configuration.patch_size), numbers(configuration.spacing)];
  return [`configuration ${name}`, ...(patch ? [`patch ${patch}`] : []), ...(spacing ? [`spacing ${spacing} mm`] : [])];
}

/** The plan that nnssl and nnU-Net save beside their weights, in a few words; undefined where there is none. */
export function planText(root: unknown): string | undefined {
  if (!(root instanceof Map)) return undefined;
  const adaptation = plain((root as Map<unknown, unknown>).get('nnssl_adaptation_plan'));
  const init = plain((root as Map<unknown, unknown>).get('init_args'));
  const trainer = textOf((root as Map<unknown, unknown>).get('trainer_name'));
  const plans = isRecord(adaptation) ? adaptation.pretrain_plan : isRecord(init) ? init.plans : undefined;
  if (!isRecord(plans)) return undefined;
  const architecture =
    isRecord(adaptation) && isRecord(adaptation.architecture_plans) ? adaptation.architecture_plans : {};
  const facts = [
    textOf(architecture.arch_class_name),
    trainer,
    textOf(plans.dataset_name),
    ...configurationText(plans.configurations, isRecord(init) ? textOf(init.configuration) : undefined),
  ];
  const known = facts.filter((fact) => fact !== undefined);
  return known.length > 0 ? `plan of ${isRecord(adaptation) ? 'nnssl' : 'nnU-Net'}: ${known.join(', ')}` : undefined;
}
