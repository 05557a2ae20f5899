import type { FromSchema } from 'json-schema-to-ts';
import { AXES, mapVec3, voxelCount } from '../../geometry';
import { error, warning, type Problem } from '../../schema';
import type { PretrainSections } from '../../tasks/descriptor';
import { formatSize } from '../../text';
import { placeMmRules } from '../crops/rules';
import { objectiveDescriptors, teacherNeeds } from './objectives/descriptors';
import type { vocoSchema } from './schema';

type Sections = PretrainSections<FromSchema<typeof vocoSchema>>;

function gridRules(config: Sections): Problem[] {
  const { grid, gridPlace, crop, cropMm } = config.method;
  const { resize } = config.data.preprocess;
  const found: Problem[] = [];
  if (voxelCount(grid) < 2) {
    found.push(
      error(['method', 'grid'], 'one base crop leaves nothing to contrast: use at least 2, such as [4, 4, 1]'),
    );
  }
  if (cropMm) return [...found, ...placeMmRules(resize)];
  if (gridPlace === 'random') return found;
  if (!resize) {
    const least = mapVec3(grid, (n, axis) => n * crop[axis]!);
    const message = `volumes are not resized, so each must have at least ${formatSize(least)} voxels (grid × crop)`;
    return [...found, warning(['data', 'preprocess', 'resize'], message)];
  }
  const needed = grid.map((n, axis) => n * crop[axis]!);
  const tooLarge = AXES.filter((_, axis) => needed[axis]! > resize[axis]!);
  if (tooLarge.length) {
    const fitting = grid.map((n, axis) => Math.min(crop[axis]!, Math.floor(resize[axis]! / n)));
    const message =
      `${formatSize(grid)} crops of ${formatSize(crop)} need ${formatSize(needed)} voxels, more than the volume's ${formatSize(resize)} ` +
      `along ${tooLarge.join(', ')}`;
    found.push(error(['method', 'crop'], message, Math.min(...fitting) >= 4 ? fitting : undefined));
  }
  AXES.forEach((axis, i) => {
    const unused = resize[i]! - needed[i]!;
    if (unused <= 0) return;
    found.push(
      warning(['method', 'grid'], `no base crop covers the last ${unused} of ${resize[i]!} voxels along ${axis}`),
    );
  });
  return found;
}

function inputRules({ method: { input, crop, cropMm } }: Sections): Problem[] {
  if (cropMm) return [];
  const enlarged = AXES.filter((_, axis) => input[axis]! > crop[axis]!);
  if (!enlarged.length) return [];
  const sizes = `crops of ${formatSize(crop)} are enlarged to ${formatSize(input)}`;
  return [warning(['method', 'input'], `${sizes}: more work without more detail`)];
}

function batchRules({ method: { objective }, train }: Sections): Problem[] {
  if (!objectiveDescriptors.get(objective).contrastsVolumes || train.batch > 1) return [];
  const message = `with one volume a step, objective ${objective} has no contrast between volumes`;
  return [warning(['train', 'batch'], message)];
}

/** At this rate of adamw the embeddings of these objectives were seen to collapse. */
const COLLAPSING_RATE = 1e-3;
const COLLAPSING: readonly string[] = ['voco-10k', 'softmax'];

function rateRules({ method: { objective }, optimizer }: Sections): Problem[] {
  if (!COLLAPSING.includes(objective) || optimizer?.name !== 'adamw' || optimizer.lr < COLLAPSING_RATE) return [];
  const message = `objective ${objective} can collapse at a rate of ${optimizer.lr}: use a lower one, such as 3e-4, and watch the collapse monitor`;
  return [warning(['optimizer', 'lr'], message)];
}

/** The teacher that a config asks for must move. */
function teacherRules({ method: { objective, teacher, teacherMomentum, teacherInit } }: Sections): Problem[] {
  const { teacherProjector } = teacherNeeds(objectiveDescriptors.get(objective), teacher);
  if (!teacherProjector || teacherMomentum < 1 || teacherInit === 'copy') return [];
  const message = 'with a momentum of 1 the teacher keeps its random weights for the whole run';
  return [warning(['method', 'teacherMomentum'], message)];
}

/** What the schema of VoCo's section cannot say. */
export function vocoRules(config: Sections): Problem[] {
  return [gridRules, inputRules, batchRules, rateRules, teacherRules].flatMap((rule) => rule(config));
}
