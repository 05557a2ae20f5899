import type { CropPicture } from '../../src/protocol/crops';
import { element } from '../ui/dom';
import { scaleColour } from '../volume/raster';
import { pictureCanvas, type Paint } from './pictures';

/** Two blues that no intensity has: what the network does not get to see is hatched with them, four voxels wide. */
const HATCH = [
  [86, 118, 176],
  [38, 54, 92],
] as const;
const HATCH_WIDTH = 4;
/** Brightness of voxels that nothing is asked of. */
const FAINT = 0.35;

function paintOf({ images, classes, hidden, asked }: CropPicture, slice: number): Paint {
  const { data } = images[slice]!;
  const [unseen, wanted] = [hidden?.[slice]?.data, asked?.[slice]?.data];
  return (at, x, y) => {
    if (unseen?.[at]) return HATCH[Math.floor((x + y) / (HATCH_WIDTH / 2)) % 2]!;
    if (classes !== undefined) return scaleColour(data[at]! / 255);
    const grey = wanted && !wanted[at] ? FAINT * data[at]! : data[at]!;
    return [grey, grey, grey];
  };
}

/** The three middle slices of a crop under their name. @param note stands behind the name: how good an answer is */
export function pictureRow(picture: CropPicture, note = ''): HTMLElement {
  const { name, images, hidden, asked, classes } = picture;
  const how = [
    hidden && 'hatched: hidden from the network',
    asked && 'faint: not asked',
    classes !== undefined && 'dark to bright: 0 to 1',
  ].filter(Boolean);
  const told = [name, ...how].join('; ');
  const canvases = images.map((one, i) => pictureCanvas(one, `${told}; across ${'zyx'[i]}`, paintOf(picture, i)));
  return element(
    'div',
    { class: 'picture', 'data-picture': name },
    element(
      'p',
      { class: 'name' },
      element('span', {}, name),
      ...(note ? [element('span', { class: 'muted' }, note)] : []),
    ),
    element('div', { class: 'row' }, ...canvases),
  );
}
