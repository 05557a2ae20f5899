import { downstreamFor } from '../../downstream/descriptors';
import { unknownClass } from '../../labels/classNames';
import { resolveTask } from '../task';
import type { FinetuneConfig } from '../types';
import { error, warning, type Problem } from '../../schema';
import { sizeRules } from './shared';

function taskRules(config: FinetuneConfig): Problem[] {
  const { task, loss } = config;
  // A segmentation's classes may be named by its data: whoever reads the data says when they are not.
  if (task.name === 'custom' && !task.classes) {
    if (task.output !== 'classification') return [];
    return [error(['task', 'classes'], 'task custom needs its classes, such as [{ "name": "liver", "values": [1] }]')];
  }
  const { classes, output, outChannels } = resolveTask(task);
  const found: Problem[] = [];
  const names = classes.map(({ name }) => name);
  const twice = names.findIndex((name, i) => names.indexOf(name) < i);
  if (twice >= 0) found.push(error(['task', 'classes'], `two classes are called "${names[twice]}"`));
  if (output === 'sigmoid' && classes.length > 8) {
    found.push(error(['task', 'classes'], `at most 8 classes may overlap (sigmoid), there are ${classes.length}`));
  }
  if (output === 'softmax') {
    const values = classes.flatMap((item) => item.values);
    const shared = values.find((value, i) => values.indexOf(value) < i);
    const text = 'with output softmax a voxel has one class';
    if (shared !== undefined) found.push(error(['task', 'classes'], `value ${shared} is in two classes, but ${text}`));
    if (values.includes(0)) found.push(error(['task', 'classes'], 'value 0 is background and belongs to no class'));
  }
  const weights = loss.classWeights;
  if (weights && !downstreamFor(output).labelMaps && weights.length !== outChannels) {
    const message = `${weights.length} weights for ${outChannels} classes`;
    found.push(error(['loss', 'classWeights'], message));
  }
  return found;
}

/** Voxels that are left out, and sources whose label maps tell of some classes alone. */
function partialRules({ task, data }: FinetuneConfig): Problem[] {
  const { classes, output } = resolveTask(task);
  const found: Problem[] = [];
  const at = ['task', 'ignore'];
  const { ignore } = task;
  if (ignore !== null) {
    const owner = classes.find(({ values }) => values.includes(ignore));
    const most = output === 'sigmoid' ? 7 : 254;
    if (!downstreamFor(output).labelMaps) found.push(error(at, 'a classification has no label maps', null));
    else if (owner) found.push(error(at, `${ignore} is a value of the class "${owner.name}"`, null));
    else if (ignore === 0) found.push(error(at, '0 is background, and cannot be left out', null));
    else if (classes.length > most)
      found.push(error(at, `with a value to leave out, at most ${most} classes are possible (${output})`));
  }
  for (const list of ['train', 'validation'] as const)
    data[list].forEach(({ labelled }, i) => {
      const problem = labelled && unknownClass(labelled, classes);
      if (problem) found.push(error(['data', list, i, 'labelled'], problem));
    });
  return found;
}

function cropRules(config: FinetuneConfig): Problem[] {
  const { crops, network } = config;
  const found = sizeRules({ path: ['crops', 'size'], size: crops.size }, network);
  if (crops.positive + crops.negative <= 0) {
    found.push(error(['crops', 'positive'], 'positive and negative cannot both be 0', 1));
  }
  return found;
}

function lengthRules(config: FinetuneConfig): Problem[] {
  const { schedule, train, data, loss, init } = config;
  const found: Problem[] = [];
  const isDefault = schedule.phases.name === 'default';
  if (isDefault && schedule.name !== 'constant' && train.steps === null && schedule.warmupEpochs >= train.epochs) {
    const message = `warm-up takes ${schedule.warmupEpochs} epochs, the whole run only ${train.epochs}: the rate never reaches lr`;
    found.push(warning(['schedule', 'warmupEpochs'], message));
  }
  if (data.fraction !== null && data.cases !== null) {
    found.push(error(['data', 'cases'], 'give data.fraction or data.cases, not both', null));
  }
  if (loss.dice + loss.crossEntropy <= 0)
    found.push(error(['loss', 'dice'], 'both parts of the loss have weight 0', 1));
  if (init.freezeEncoder && init.checkpoint === null) {
    found.push(warning(['init', 'freezeEncoder'], 'a frozen encoder with random weights learns nothing'));
  }
  if (isDefault && init.freezeFor > 0 && init.freezeEncoder) {
    found.push(warning(['init', 'freezeFor'], 'freezeEncoder keeps the encoder for the whole run'));
  }
  return found;
}

/** Phases say when the encoder is kept: nothing else can. */
function phaseRules({ schedule, init }: FinetuneConfig): Problem[] {
  const { phases } = schedule;
  const { name } = phases;
  if (name === 'default') return [];
  const found: Problem[] = [];
  const says = `schedule.phases "${name}" says when the encoder is kept`;
  if (init.freezeFor > 0) found.push(error(['init', 'freezeFor'], `${says}: leave this out`, 0));
  if (init.freezeEncoder && name !== 'frozen')
    found.push(error(['init', 'freezeEncoder'], `${says}; for the whole run: "frozen"`, false));
  if ('decoder' in phases && phases.decoder + phases.warmup >= 1) {
    const message = `decoder ${phases.decoder} and warmup ${phases.warmup} leave no steps for the whole network after them`;
    found.push(error(['schedule', 'phases', 'warmup'], message, 0.1));
  }
  if (name !== 'warm-up' && init.checkpoint === null) {
    const message = `"${name}" keeps weights of a checkpoint, and init.checkpoint is null: all weights are new and trained in every phase`;
    found.push(warning(['schedule', 'phases', 'name'], message));
  }
  if (name === 'frozen' && init.encoderRate !== 1)
    found.push(warning(['init', 'encoderRate'], 'unused: schedule.phases "frozen" keeps the encoder'));
  return found;
}

function studyRules({ study }: FinetuneConfig): Problem[] {
  const found: Problem[] = [];
  if (study.cases && study.fractions) {
    found.push(error(['study', 'fractions'], 'give study.cases or study.fractions, not both', null));
  }
  for (const key of ['cases', 'fractions', 'seeds'] as const) {
    const list: readonly number[] = study[key] ?? [];
    const twice = list.find((value, i) => list.indexOf(value) < i);
    if (twice !== undefined) found.push(error(['study', key], `${twice} is listed twice`, [...new Set(list)]));
  }
  return found;
}

/** Rules of fine-tuning alone. */
export function finetuneRules(config: FinetuneConfig): Problem[] {
  return [taskRules, partialRules, cropRules, lengthRules, phaseRules, studyRules].flatMap((rule) => rule(config));
}
