import { requireVoco, type VocoConfig } from './config';
import { NO_AUGMENTATION, sampleCrop, type Augmentation } from '../../data/augment';
import { channelFor, cropTraits, type CropTraits } from '../../data/channels';
import { boxAround, mapAxes, voxelCount, type Vec3 } from '../../geometry';
import type { CropChoice, CropRequest } from '../../protocol/crops';
import type { PlacedCrop } from '../../protocol/locate';
import type { DrawnCrop, OpenPreview, TaskPreview } from '../../tasks';
import type { PreparedVolume } from '../../data/regionMasks';
import { baseBoxes, positionLabel, type CropGrid } from './geometry';
import { cropAugmentation, layGrid, randomCentre } from './sampler';

const indices = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** VoCo's grid of base crops on a volume, and crops as training draws them, moved and resized as the user wishes. */
class VocoPreview implements OpenPreview {
  readonly grid: CropGrid;

  constructor(
    private readonly method: VocoConfig['method'],
    private readonly volume: PreparedVolume,
    private readonly traits: CropTraits,
  ) {
    this.grid = layGrid(volume, method);
  }

  get randomCrops(): number {
    return this.method.randomCrops;
  }

  get input(): Vec3 {
    return this.method.input;
  }

  draw(request: CropRequest, stream: readonly number[]): DrawnCrop {
    const { input } = this.method;
    const { box, centre, augmentation, base, grid, number } = this.place(request, stream);
    const { counts, crop, origin } = grid;
    const { volume, channel } = channelFor(this.volume, this.traits, [...stream, number]);
    const cut = (shown: Augmentation): { voxels: Float32Array; words: string[] } => {
      const voxels = new Float32Array(voxelCount(input) * volume.shape[0]);
      const words = sampleCrop(volume, box.start, box.size, input, shown, voxels, 0);
      return { voxels, words };
    };
    const seen = cut(augmentation);
    return {
      box,
      centre,
      ...(!base && { label: positionLabel(box, grid) }),
      grid: { counts, crop, origin },
      plain: cut(NO_AUGMENTATION).voxels,
      goesIn: [{ name: 'The crop', voxels: seen.voxels }],
      asked: [],
      words: inWords(augmentation, [...(channel === undefined ? [] : [`channel ${channel}`]), ...seen.words]),
    };
  }

  step(request: CropRequest, stream: readonly number[]): { randoms: PlacedCrop[]; bases: PlacedCrop[] } {
    const placed = (choice: CropChoice): PlacedCrop => {
      const { box, augmentation } = this.place({ ...request, choice }, stream);
      return { box, augmentation };
    };
    const { choice } = request;
    return {
      randoms: indices(this.randomCrops).map((index) =>
        placed(choice.kind === 'random' && choice.index === index ? choice : { kind: 'random', index }),
      ),
      bases: indices(this.grid.size).map((index) => placed({ kind: 'base', index })),
    };
  }

  private place({ choice, augment }: CropRequest, stream: readonly number[]) {
    const { method, volume } = this;
    const grid = layGrid(volume, method, stream);
    const index = Math.min(choice.index, (choice.kind === 'random' ? method.randomCrops : grid.size) - 1);
    const base = choice.kind === 'base' ? baseBoxes(grid)[index]! : undefined;
    const size = choice.size ? fittingSize(choice.size, grid) : grid.crop;
    const drawn = (): Vec3 => randomCentre({ stream }, index, grid, volume);
    const moved = choice.centre !== undefined || choice.size !== undefined;
    const random = moved ? insideGrid(choice.centre ?? drawn(), size, grid) : drawn();
    const centre = base ? middle(base.start, base.size) : random;
    const square = method.input[0] === method.input[1];
    const number = base ? method.randomCrops + index : index;
    const full = cropAugmentation({ stream }, number, { ...method, ...this.traits }, square);
    const augmentation: Augmentation = {
      flip: augment.flip ? full.flip : NO_AUGMENTATION.flip,
      quarterTurns: augment.rotate ? full.quarterTurns : 0,
      shift: augment.shift ? full.shift : 0,
      ...(augment.shift && full.intensity && { intensity: full.intensity }),
    };
    return { box: base ?? boxAround(centre, size), centre, augmentation, base, grid, number };
  }
}

function middle(start: Vec3, size: Vec3): Vec3 {
  return mapAxes((axis) => start[axis] + Math.floor(size[axis] / 2));
}

/** A size of at least 2 voxels that fits the grid. */
function fittingSize(size: Vec3, { counts, crop }: CropGrid): Vec3 {
  return mapAxes((axis) => Math.max(2, Math.min(counts[axis] * crop[axis], Math.round(size[axis]))));
}

/** The nearest centre at which a crop of this size lies inside the grid. */
function insideGrid(centre: Vec3, size: Vec3, { origin, counts, crop }: CropGrid): Vec3 {
  return mapAxes((axis) => {
    const half = Math.floor(size[axis] / 2);
    const start = Math.min(Math.round(centre[axis]) - half, origin[axis] + counts[axis] * crop[axis] - size[axis]);
    return Math.max(origin[axis], start) + half;
  });
}

function inWords({ flip, quarterTurns, shift }: Augmentation, changes: readonly string[]): string {
  const parts = [
    ...flip.flatMap((on, axis) => (on ? [`flipped along ${'xyz'[axis]}`] : [])),
    ...(quarterTurns > 0 ? [`turned by ${90 * quarterTurns}°`] : []),
    ...(shift !== 0 ? [`intensity ${shift > 0 ? '+' : '−'}${Math.abs(shift).toFixed(3)}`] : []),
    ...changes,
  ];
  return parts.length > 0 ? parts.join(', ') : 'not changed in this draw';
}

export const vocoPreview: TaskPreview = {
  open: (config, volume) => new VocoPreview(requireVoco(config, config.name).method, volume, cropTraits(config.data)),
};
