import { basename, dirname } from 'node:path';
import { check, diagnose, formatDiagnostic, parseText } from '../config/diagnose';
import { resolvePaths } from '../config/paths';
import type { PretrainConfig } from '../config';
import { cacheKey } from '../data/cache';
import { cropTraits, withMissing } from '../data/channels';
import { caseName, imageFiles, resolveSources, splitValidation, type Case } from '../data/datalist';
import { prepareMasks, withMasks, type PreparedVolume } from '../data/regionMasks';
import { UserError } from '../errors/userError';
import type {
  BodySurface,
  CropPicture,
  CropPreview,
  CropRequest,
  CropsPreview,
  GreyImage,
  PreviewRequest,
  Problems,
  CropSliceRequest,
} from '../protocol/crops';
import type { CropQuestion } from '../protocol/answers';
import { spacingOf, type Volume } from '../volume';
import type { ImageQuestion, PredictRequest } from '../locate/locator';
import { SamplePlan } from '../loader/plan';
import { previewFor } from '../catalog';
import type { CropImage, OpenPreview } from '../tasks';
import { cropPicture, greySlice, middleSlices } from './images';
import { StageRunner, type Staged } from './stages';
import { bodySurface } from './surface';

/** How long the cases of a data section are taken for what is on disk. */
const CASES_MS = 10_000;

interface Prepared extends Staged {
  readonly volume: PreparedVolume;
  readonly key: string;
  readonly version: number;
}

interface Current {
  readonly config: PretrainConfig;
  readonly prepared: Prepared;
  readonly task: OpenPreview;
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
    return { problems: [`${basename(file)}: the preview shows crops of pre-training: open a pre-training config`] };
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
      const task = (await previewFor(config)).open(config, prepared.volume);
      const plan = new SamplePlan(train, config.seed, 1);
      this.current = { config, prepared, task, plan, cases: train, caseIndex: at };
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
    const { config, prepared } = this.state();
    return bodySurface(prepared.volume, prepared.range, cropTraits(config.data).keepZero);
  }

  /** One crop as training draws it in an epoch: where it lies, its position label, what the network sees. */
  crop(request: CropRequest): CropPreview {
    const { task, prepared } = this.state();
    const { plain, goesIn, asked, words, ...placed } = task.draw(request, this.streamOf(request.draw));
    const picture = (image: CropImage): CropPicture => cropPicture(image, task.input, prepared.range);
    return {
      ...placed,
      plain: middleSlices(plain, task.input, prepared.range),
      goesIn: goesIn.map(picture),
      asked: asked.map(picture),
      augmentation: words,
    };
  }

  /** What the network is asked about: the config as it stands, and the case's files. */
  scene(): Omit<ImageQuestion, 'checkpoint'> {
    const { config, cases, caseIndex } = this.state();
    return { config, files: imageFiles(cases[caseIndex]!) };
  }

  /**
   * The crops of the training step that the chosen random crop is drawn in, for the network to look at: all random crops and
   * all base crops of the case.
   */
  step(request: CropRequest): Omit<PredictRequest, 'checkpoint'> {
    const { task, config } = this.state();
    const step = task.step?.(request, this.streamOf(request.draw));
    if (!step)
      throw new UserError(`The pretext task ${config.method.name} has no positions that a network can be asked for.`);
    return { ...this.scene(), ...step };
  }

  /**
   * What a network is asked about the chosen crop, for one that answers as it was trained: whoever asks it draws the crop anew, by the
   * same code.
   */
  question(request: CropRequest): Omit<CropQuestion<PretrainConfig>, 'checkpoint'> {
    const { task, config, prepared, cases, caseIndex } = this.state();
    if (!task.batch) throw new UserError(`The pretext task ${config.method.name} has no answers that can be shown.`);
    // The other crops of a batch are those of the same case in the epochs that follow: its image is at hand.
    const streams = Array.from({ length: config.train.batch }, (_, later) => this.streamOf(request.draw + later));
    const { image, missing, regionMasks } = cases[caseIndex]!;
    const item = { image, ...(missing && { missing }), ...(regionMasks && { regionMasks }) };
    return { config, item, request, streams, range: prepared.range };
  }

  private state(): Current {
    if (!this.current) throw new UserError('There is no preview yet: correct the config first.');
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
    const { train: sources, validation, validationFraction, channel, missingChannels } = data;
    const key = JSON.stringify([sources, channel, missingChannels, validation.length, validationFraction, seed]);
    if (this.listed?.key === key && performance.now() - this.listed.at < CASES_MS) return this.listed.train;
    const all = await resolveSources(sources, '/', { labels: false, channel, missingChannels });
    const { train } = validation.length > 0 ? { train: all } : splitValidation(all, validationFraction, seed);
    this.listed = { key, at: performance.now(), train };
    return train;
  }

  private async prepare(item: Case, { data }: PretrainConfig): Promise<Prepared> {
    const files = imageFiles(item);
    const masks = Object.values(item.regionMasks ?? {}) as string[];
    const identity = await this.identityOf([...files, ...masks]);
    const key = JSON.stringify([files, item.missing, item.regionMasks, identity, data.channel, data.preprocess]);
    if (this.prepared?.key === key) return this.prepared;
    const staged = await this.stages.run(files, data, identity);
    const whole = withMissing(staged.volume, item.missing);
    const warnings = [...staged.warnings];
    const volume = await withMasksOf(item, whole, staged, data, (warning) => warnings.push(warning));
    this.version += 1;
    this.prepared = { ...staged, volume, warnings, key, version: this.version };
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

/** The volume with the region masks of its case, as training has them. @throws UserError naming a mask that does not fit */
async function withMasksOf(
  item: Case,
  volume: Volume<Float32Array>,
  { grid, box }: Staged,
  { preprocess: steps }: PretrainConfig['data'],
  onWarning: (message: string) => void,
): Promise<PreparedVolume> {
  const masks = await prepareMasks(item, grid, { steps, box }, onWarning);
  return withMasks(volume, masks, item.regionMasks);
}

function describe({ config, prepared, task, cases }: Current, known: number | undefined): Omit<CropsPreview, 'crop'> {
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
    grid: { counts: task.grid.counts, crop: task.grid.crop, origin: task.grid.origin },
    randomCrops: task.randomCrops,
    input: task.input,
    // The crops of other tasks have the one size that their network gets.
    task: { name: config.method.name, locates: task.step !== undefined, resizable: task.step !== undefined },
  };
}
