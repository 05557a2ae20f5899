import { caretLabels } from '../labels/caret';
import type { NamedLabel } from '../labels/entry';
import { segmentLabels } from '../labels/segments';
import { CARET_CODE, readExtensions } from './nifti/extensions';
import type { NiftiHeader } from './nifti/header';

/** Codes of extensions that hold a Caret table: its own, and 0, which TotalSegmentator writes. */
const CARET_CODES = [CARET_CODE, 0];

/** The labels that a file names itself: Slicer's segments, or the Caret table in a NIfTI header. */
export async function labelsInside(file: string, header: NiftiHeader): Promise<readonly NamedLabel[]> {
  if (header.foreign) return segmentLabels(header.foreign.segments ?? []);
  for (const { code, content } of await readExtensions(file, header)) {
    if (!CARET_CODES.includes(code)) continue;
    const labels = caretLabels(new TextDecoder().decode(content));
    if (labels.length > 0) return labels;
  }
  return [];
}
