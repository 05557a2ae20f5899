import { caretLabels } from '../labels/caret';
import type { NamedLabel } from '../labels/entry';
import { segmentLabels } from '../labels/segments';
import { CARET_CODE, PLAIN_CODE, readExtensions } from './nifti/extensions';
import type { NiftiHeader } from './nifti/header';

/** The labels that a file names itself: Slicer's segments, or the Caret table in a NIfTI header. */
export async function labelsInside(file: string, header: NiftiHeader): Promise<readonly NamedLabel[]> {
  if (header.foreign) return segmentLabels(header.foreign.segments ?? []);
  for (const { code, content } of await readExtensions(file, header)) {
    if (code !== CARET_CODE && code !== PLAIN_CODE) continue;
    const labels = caretLabels(new TextDecoder().decode(content));
    if (labels.length > 0) return labels;
  }
  return [];
}
