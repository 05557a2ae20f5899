import { significant } from '../../text';
import type { IntensitySettings, Notice } from '../../volume';

/** The intensity step of a config that a window is made with. */
export type WindowSettings = Extract<IntensitySettings, { kind: 'window' }>;

export const AT = 'data.preprocess.intensity';

export const shown = (value: number): string => significant(value, 4).replace('-', '−');

const joined = (advice: readonly string[]): string => advice.join('; ');
export const error = (message: string, ...advice: string[]): Notice => ({
  severity: 'error',
  message,
  advice: joined(advice),
});
export const warning = (message: string, ...advice: string[]): Notice => ({
  severity: 'warning',
  message,
  advice: joined(advice),
});

/** Whether a window is meant for Hounsfield units: it begins well below 0. */
export function isForHounsfield({ low, high }: Pick<WindowSettings, 'low' | 'high'>): boolean {
  return low <= -50 && high - low >= 50 && high - low <= 5000;
}

/** What is summed up of an image's values, in the units of the window. */
export interface Values {
  /** A rising sample. */
  readonly sorted: Float64Array;
  readonly least: number;
  readonly most: number;
}
