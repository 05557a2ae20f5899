import { boxAround, mapAxes, voxelCount, type Vec3 } from '../geometry';
import { basename, dirname } from 'node:path';
import { check, diagnose, formatDiagnostic, parseText } from '../config/diagnose';
import { resolvePaths } from '../config/paths';
import type { PretrainConfig } from '../config';
import { cacheKey } from '../data/cache';
import { NO_AUGMENTATION, sampleCrop, type Augmentation } from '../data/augment';
import { caseName, imageFiles, resolveSources, splitValidation, type Case } from '../data/datalist';
import { UserError } from '../errors/userError';
import type {
  BodySurface,
  CropChoice,
  CropPreview,
  CropRequest,
  CropsPreview,
  GreyImage,
  PreviewRequest,
  Problems,
  CropSliceRequest,
} from '../protocol/crops';
import type { PlacedCrop } from '../protocol/locate';
import { spacingOf } from '../volume';
import { baseBoxes, createCropGrid, positionLabel, type CropGrid } from '../pretext/voco/geometry';
import type { InspectRequest, PredictRequest } from '../locate/inspector';
import { cropAugmentation, randomCentre } from '../pretext/voco/sampler';
import { SamplePlan } from '../loader/plan';
import { greySlice, middleSlices } from './images';
import { StageRunner, type Staged } from './stages';
import { bodySurface } from './surface';

/** How long the cases of a data section are taken for what is on disk. */
const CASES_MS = 10_000;

interface Prepared extends Staged {
  readonly key: string;
  readonly version: number;
}

interface Current {
  readonly config: PretrainConfig;
  readonly prepared: Prepared;
  readonly grid: CropGrid;
  readonly plan: SamplePlan<Case>;
  readonly cases: readonly Case[];
  readonly caseIndex: number;
}

/** The config of a text, or what is wrong with it. */
function parseConfig(text: string, file: string): PretrainConfig | Problems {
  const errors = diagnose(text, basename(file)).filter(({ severity }) => severity === 'error');
  if (errors.length > 0) return { problems: errors.map((error) => formatDiagnostic(error, text)) };
  const { config, schema } = check(parseText(text).value);
  if (config?.kind !== 'pretrain')
    return { problems: [`${basename(file)}: crops are drawn in pre-training: open such a config`] };
  return resolvePaths(config, schema, dirname(file));
}

/** Shows what a config does to a volume and how crops are drawn from it: the same code and numbers as training. */
export class CropPreviewer {
  private readonly stages = new StageRunner();
  private prepared?: Prepared;
  private current?: Current;
  private read?: { readonly files: string; readonly identity: string };
  private listed?: { readonly key: string; readonly at: number; readonly train: readonly Case[] };
  private version = 0;

  /** Reads the config's text and prepares a case; problems leave the last good state as it was. */
  async preview(
    text: string,
    file: string,
    { caseIndex, crop, known }: PreviewRequest,
  ): Promise<CropsPreview | Problems> {
    const config = parseConfig(text, file);
    if ('problems' in config) return config;
    try {
      const train = await this.cases(config);
      const at = Math.min(caseIndex, train.length - 1);
      const prepared = await this.prepare(train[at]!, config);
      const [, x, y, z] = prepared.volume.shape;
      const grid = createCropGrid(config.method.grid, config.method.crop, [x, y, z]);
      const plan = new SamplePlan(train, config.seed, 1);
      this.current = { config, prepared, grid, plan, cases: train, caseIndex: at };
      return { ...describe(this.current, known), crop: this.crop(crop) };
    } catch (error) {
      if (error instanceof UserError) return { problems: [error.message] };
      throw error;
    }
  }

  /** A slice of the preprocessed volume. */
  slice({ plane, index }: CropSliceRequest): GreyImage {
    const { volume, range } = this.state().prepared;
    return greySlice(volume, plane, Math.max(0, Math.min(volume.shape[plane + 1]! - 1, index)), range);
  }

  /** The surface of the body in the preprocessed volume, for the view in 3-D. */
  body(): BodySurface {
    const { volume, range } = this.state().prepared;
    return bodySurface(volume, range);
  }

  /** One crop as training draws it in an epoch: where it lies, its position label, what the network sees. */
  crop(request: CropRequest): CropPreview {
    const current = this.state();
    const { method } = current.config;
    const { box, centre, augmentation, base } = this.draw(request);
    const cut = (shown: Augmentation): GreyImage[] => {
      const { volume } = current.prepared;
      const channels = volume.shape[0];
      const out = new Float32Array(voxelCount(method.input) * channels);
      sampleCrop(volume, box.start, box.size, method.input, shown, out, 0);
      return middleSlices(out, method.input, channels);
    };
    return {
      box,
      centre,
      ...(!base && { label: positionLabel(box, current.grid) }),
      plain: cut(NO_AUGMENTATION),
      seen: cut(augmentation),
      augmentation: inWords(augmentation),
    };
  }

  /** What the network is asked about: the config as it stands, and the case's files. */
  scene(): Omit<InspectRequest, 'checkpoint'> {
    const { config, cases, caseIndex } = this.state();
    return { config, files: imageFiles(cases[caseIndex]!) };
  }

  /**
   * The crops of the training step that the chosen random crop is drawn in, for the network to look at: all random crops and
   * all base crops of the case.
   */
  step(request: CropRequest): Omit<PredictRequest, 'checkpoint'> {
    const { config, grid } = this.state();
    const placed = (choice: CropChoice): PlacedCrop => {
      const { box, augmentation } = this.draw({ ...request, choice });
      return { box, augmentation };
    };
    const { choice } = request;
    const indices = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
    return {
      ...this.scene(),
      randoms: indices(config.method.randomCrops).map((index) =>
        placed(choice.kind === 'random' && choice.index === index ? choice : { kind: 'random', index }),
      ),
      bases: indices(grid.size).map((index) => placed({ kind: 'base', index })),
    };
  }

  private draw({ choice, draw, augment }: CropRequest) {
    const { config, grid } = this.state();
    const { method } = config;
    const stream = this.streamOf(draw);
    const index = Math.min(choice.index, (choice.kind === 'random' ? method.randomCrops : grid.size) - 1);
    const base = choice.kind === 'base' ? baseBoxes(grid)[index]! : undefined;
    const size = choice.size ? fittingSize(choice.size, grid) : grid.crop;
    const centre = base
      ? middle(base.start, base.size)
      : choice.centre || choice.size
        ? insideGrid(choice.centre ?? randomCentre({ stream }, index, grid), size, grid)
        : randomCentre({ stream }, index, grid);
    const square = method.input[0] === method.input[1];
    const number = base ? method.randomCrops + index : index;
    const drawn = cropAugmentation({ stream }, number, method, square);
    const augmentation: Augmentation = {
      flip: augment.flip ? drawn.flip : NO_AUGMENTATION.flip,
      quarterTurns: augment.rotate ? drawn.quarterTurns : 0,
      shift: augment.shift ? drawn.shift : 0,
    };
    return { box: base ?? boxAround(centre, size), centre, augmentation, base };
  }

  private state(): Current {
    if (!this.current) throw new UserError('There is no preview yet: put the config right first.');
    return this.current;
  }

  /** The random streams of the current case in an epoch, as the training plan has them. */
  private streamOf(draw: number): readonly number[] {
    const { plan, cases, caseIndex } = this.state();
    for (let place = 0; place < cases.length; place++) {
      const [drawn] = plan.draws(draw * cases.length + place);
      if (drawn!.id === cases[caseIndex]!.id) return drawn!.stream;
    }
    throw new Error('an epoch visits every case');
  }

  /** The cases to train on. Not every key that is pressed in another part of the config lists folders anew. */
  private async cases({ data, seed }: PretrainConfig): Promise<readonly Case[]> {
    const { train: sources, validation, validationFraction } = data;
    const key = JSON.stringify([sources, validation.length, validationFraction, seed]);
    if (this.listed?.key === key && Date.now() - this.listed.at < CASES_MS) return this.listed.train;
    const all = await resolveSources(sources, '/', { labels: false });
    const { train } = validation.length > 0 ? { train: all } : splitValidation(all, validationFraction, seed);
    this.listed = { key, at: Date.now(), train };
    return train;
  }

  private async prepare(item: Case, { data }: PretrainConfig): Promise<Prepared> {
    const files = imageFiles(item);
    const identity = await this.identityOf(files);
    const key = JSON.stringify([files, identity, data.channel, data.preprocess]);
    if (this.prepared?.key === key) return this.prepared;
    const staged = await this.stages.run(files, data, identity);
    this.version += 1;
    this.prepared = { ...staged, key, version: this.version };
    return this.prepared;
  }

  /** Another text when the files have changed on disk; of files that are gone the last one, since what was read still stands. */
  private async identityOf(files: readonly string[]): Promise<string> {
    const names = files.join('\n');
    const identity = await cacheKey(files, null).catch(() => undefined);
    const last = this.read?.files === names ? this.read.identity : '';
    this.read = { files: names, identity: identity ?? last };
    return this.read.identity;
  }
}

function describe({ config, prepared, grid, cases }: Current, known: number | undefined): Omit<CropsPreview, 'crop'> {
  const [, x, y, z] = prepared.volume.shape;
  return {
    cases: cases.map((item) => caseName(imageFiles(item)[0]!)),
    ...(prepared.version !== known && { stages: prepared.stages }),
    warnings: prepared.warnings,
    volume: {
      size: [x, y, z],
      spacing: spacingOf(prepared.volume.affine),
      version: prepared.version,
      ras: prepared.stages.at(-1)?.orientation === 'RAS',
    },
    grid: { counts: grid.counts, crop: grid.crop, origin: grid.origin },
    randomCrops: config.method.randomCrops,
    input: config.method.input,
  };
}

function middle(start: Vec3, size: Vec3): Vec3 {
  return mapAxes((axis) => start[axis]! + Math.floor(size[axis]! / 2));
}

function eachAxis(value: (axis: 0 | 1 | 2) => number): Vec3 {
  return [value(0), value(1), value(2)];
}

/** A size of at least 2 voxels that fits the grid. */
function fittingSize(size: Vec3, { counts, crop }: CropGrid): Vec3 {
  return eachAxis((axis) => Math.max(2, Math.min(counts[axis] * crop[axis], Math.round(size[axis]))));
}

/** The nearest centre at which a crop of this size lies inside the grid. */
function insideGrid(centre: Vec3, size: Vec3, { origin, counts, crop }: CropGrid): Vec3 {
  return eachAxis((axis) => {
    const half = Math.floor(size[axis] / 2);
    const start = Math.min(Math.round(centre[axis]) - half, origin[axis] + counts[axis] * crop[axis] - size[axis]);
    return Math.max(origin[axis], start) + half;
  });
}

function inWords({ flip, quarterTurns, shift }: Augmentation): string {
  const parts = [
    ...flip.flatMap((on, axis) => (on ? [`flipped along ${'xyz'[axis]}`] : [])),
    ...(quarterTurns > 0 ? [`turned by ${90 * quarterTurns}°`] : []),
    ...(shift !== 0 ? [`intensity ${shift > 0 ? '+' : '−'}${Math.abs(shift).toFixed(3)}`] : []),
  ];
  return parts.length > 0 ? parts.join(', ') : 'not changed in this draw';
}
