import { namedLabel, type NamedLabel } from './entry';

/** A segment as Slicer's `.seg.nrrd` has it. */
interface SegmentFields {
  readonly name: string;
  readonly labelValue: number;
  /** Of segments that overlap: which of several label maps it is in. */
  readonly layer?: number;
  /** Red, green and blue, 0 to 1. */
  readonly color?: readonly number[];
}

/** The names and colours of the segments of a `.seg.nrrd`. Of several layers the first is read as the label map; the others use its values anew. */
export function segmentLabels(segments: readonly SegmentFields[]): NamedLabel[] {
  const first = segments.filter(({ layer = 0 }) => layer === 0);
  return first.flatMap(({ name, labelValue, color }) => {
    const rgb = color?.map((part) => 255 * part) ?? [];
    return namedLabel(labelValue, name, rgb) ?? [];
  });
}
