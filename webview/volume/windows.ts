import type { VolumeStatistics } from '../../src/protocol/volume';

export interface NamedWindow {
  readonly id: string;
  readonly label: string;
  readonly window?: readonly [low: number, high: number];
}

/** The usual windows of CT reading, and VoCo's own. Those without numbers depend on the volume. */
export const WINDOWS: readonly NamedWindow[] = [
  { id: 'voco', label: 'VoCo (−175 to 250)', window: [-175, 250] },
  { id: 'abdomen', label: 'Abdomen', window: [-160, 240] },
  { id: 'liver', label: 'Liver', window: [-15, 135] },
  { id: 'lung', label: 'Lung', window: [-1350, 150] },
  { id: 'bone', label: 'Bone', window: [-500, 1300] },
  { id: 'brain', label: 'Brain', window: [0, 80] },
  { id: 'auto', label: 'Automatic' },
  { id: 'full', label: 'Full range' },
  { id: 'custom', label: 'Custom' },
];

/** What is known of the values, perhaps before all of them are there. */
export type KnownValues = Pick<VolumeStatistics, 'range' | 'window' | 'hounsfield' | 'labels'>;

/** The window of a volume that is shown for the first time: VoCo's for Hounsfield units, else from percentiles. */
export function firstWindow(statistics: KnownValues): string {
  if (statistics.labels) return 'full';
  return statistics.hounsfield ? 'voco' : 'auto';
}

/** The range of a named window for a volume; undefined for `custom`. */
export function windowOf(id: string, statistics: KnownValues): readonly [number, number] | undefined {
  if (id === 'auto') return statistics.window;
  if (id === 'full') {
    const [low, high] = statistics.range;
    return [low, high > low ? high : low + 1];
  }
  return WINDOWS.find((named) => named.id === id)?.window;
}
