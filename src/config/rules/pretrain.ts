import { AXES, mapVec3, voxelCount } from '../../geometry';
import type { PretrainConfig } from '../types';
import { error, warning, type Problem } from '../../schema';
import { sizeRules } from './shared';
import { formatSize } from '../../text';

function gridRules(config: PretrainConfig): Problem[] {
  const { grid, crop } = config.method;
  const { resize } = config.data.preprocess;
  const found: Problem[] = [];
  if (voxelCount(grid) < 2) {
    found.push(
      error(['method', 'grid'], 'one base crop leaves nothing to contrast: use at least 2, such as [4, 4, 1]'),
    );
  }
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

function inputRules(config: PretrainConfig): Problem[] {
  const { input, crop } = config.method;
  const path = ['method', 'input'];
  const unfit = sizeRules(path, input, config.network);
  if (unfit.length > 0) return unfit;
  const enlarged = AXES.filter((_, axis) => input[axis]! > crop[axis]!);
  if (!enlarged.length) return [];
  return [
    warning(path, `crops of ${formatSize(crop)} are enlarged to ${formatSize(input)}: more work without more detail`),
  ];
}

function trainingRules(config: PretrainConfig): Problem[] {
  const { schedule, optimizer, train, method } = config;
  const found: Problem[] = [];
  if (schedule.name === 'warmup-cosine' && schedule.warmupSteps >= train.steps) {
    const message = `warm-up takes ${schedule.warmupSteps} steps, the whole run only ${train.steps}: the rate never reaches lr`;
    found.push(warning(['schedule', 'warmupSteps'], message));
  }
  if (schedule.minLr > optimizer.lr) {
    found.push(error(['schedule', 'minLr'], `${schedule.minLr} is above optimizer.lr, ${optimizer.lr}`, 0));
  }
  if (method.objective === 'tpami' && train.batch === 1) {
    found.push(warning(['train', 'batch'], 'with one volume a step, objective tpami has no contrast between volumes'));
  }
  return found;
}

/** Rules of pre-training alone. */
export function pretrainRules(config: PretrainConfig): Problem[] {
  return [gridRules, inputRules, trainingRules].flatMap((rule) => rule(config));
}
