import type { Vec3 } from '../../geometry';
import type { Segment } from '../types';
import type { NrrdFields } from './header';

/** The segments that 3D Slicer names in a `.seg.nrrd` file; undefined for other files. */
export function segmentsOf({ keys }: NrrdFields): Segment[] | undefined {
  const segments: Segment[] = [];
  for (let i = 0; keys.has(`Segment${i}_ID`) || keys.has(`Segment${i}_Name`); i++) {
    const value = (name: string): string | undefined => keys.get(`Segment${i}_${name}`);
    const color = value('Color')?.trim().split(/\s+/).map(Number);
    segments.push({
      name: value('Name') ?? value('ID') ?? `Segment ${i + 1}`,
      labelValue: Number(value('LabelValue') ?? i + 1),
      layer: Number(value('Layer') ?? 0),
      ...(color?.length === 3 && color.every(Number.isFinite) && { color: color as unknown as Vec3 }),
    });
  }
  return segments.length > 0 ? segments : undefined;
}

/** Where a `.seg.nrrd` says that it begins in the grid of its image (`Segmentation_ReferenceImageExtentOffset`). */
export function extentOffsetOf({ keys }: NrrdFields): Vec3 | undefined {
  const text = keys.get('Segmentation_ReferenceImageExtentOffset')?.trim() ?? '';
  const [x, y, z, more] = text.split(/\s+/).map(Number);
  return more === undefined && [x, y, z].every(Number.isInteger) ? [x!, y!, z!] : undefined;
}
