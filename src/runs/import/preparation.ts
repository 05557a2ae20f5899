import type { Vec3 } from '../../geometry';
import { listOf, valueText } from '../../text';
import type { FieldPlan, Normalization } from './fieldPlan';

/** How a config prepares images as those were that weights have learned from. */
export interface Preparation {
  /** Keys of `data.preprocess`. */
  readonly preprocess: Readonly<Record<string, unknown>>;
  /** The size of crops that the weights have seen. */
  readonly size?: Vec3;
  /** What no key of a config says. */
  readonly notes: readonly string[];
}

/** The keys of `data.preprocess.intensity` for a scheme of nnssl or nnU-Net; undefined where there are none. */
function intensityOf({ scheme, masked, ct }: Normalization): object | null | undefined {
  switch (scheme) {
    case 'ZScoreNormalization':
      return { kind: 'zscore', nonzero: masked };
    case 'CTNormalization':
      return (
        ct && {
          ...{ kind: 'window', low: ct.low, high: ct.high, clip: true },
          to: [(ct.low - ct.mean) / ct.deviation, (ct.high - ct.mean) / ct.deviation],
        }
      );
    case 'RescaleTo01':
    case 'RescaleTo01Normalization':
      return { kind: 'percentile', low: 0, high: 100, nonzero: false, to: [0, 1], clip: true };
    case 'RGBTo01':
    case 'RGBTo01Normalization':
      return { kind: 'window', low: 0, high: 255, to: [0, 1], clip: false };
    case 'NoNormalization':
      return null;
    default:
      return undefined;
  }
}

function intensity({ normalization = [] }: FieldPlan): { keys: object; notes: string[] } {
  const [first] = normalization;
  if (!first) return { keys: {}, notes: [] };
  const kinds = [...new Set(normalization.map((one) => JSON.stringify(one)))];
  if (kinds.length > 1) {
    const names = listOf(normalization.map(({ scheme }) => scheme), 'and'); // prettier-ignore
    return { keys: {}, notes: [`its channels were scaled in different ways (${names}), which a config cannot say`] };
  }
  const keys = intensityOf(first);
  return keys === undefined
    ? { keys: {}, notes: [`the plan scales intensities with ${first.scheme} and does not say its numbers`] }
    : { keys: { intensity: keys }, notes: [] };
}

/** What a plan of nnssl or nnU-Net asks of a config. */
export function preparationOf(plan: FieldPlan): Preparation {
  const scaled = intensity(plan);
  return {
    preprocess: {
      // Neither of them turns images: arrays are as they are stored.
      orientation: null,
      ...(plan.spacing !== undefined && { spacing: plan.spacing }),
      ...scaled.keys,
      foreground: { threshold: 'nonzero' },
      resize: null,
    },
    ...(plan.patch && { size: plan.patch }),
    notes: scaled.notes,
  };
}

/** What to set in a config, in lines for people. */
export function preparationText({ preprocess, size, notes }: Preparation): string[] {
  return [
    `prepare images as these weights have seen them: data.preprocess ${valueText(preprocess)}${size ? `, crops of ${valueText(size)}` : ''}`,
    ...notes,
  ];
}
