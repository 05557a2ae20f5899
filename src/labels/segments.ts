import { namedLabel, type NamedLabel } from './entry';

/** A segment as Slicer's `.seg.nrrd` has it. */
interface SegmentFields {
  readonly name: string;
  readonly labelValue: number;
  /** Red, green and blue, 0 to 1. */
  readonly color?: readonly number[];
}

/** The names and colours of the segments of a `.seg.nrrd`. */
export function segmentLabels(segments: readonly SegmentFields[]): NamedLabel[] {
  return segments.flatMap(({ name, labelValue, color }) => {
    const rgb = color?.map((part) => 255 * part) ?? [];
    return namedLabel(labelValue, name, rgb) ?? [];
  });
}
