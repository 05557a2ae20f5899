import type { PretrainConfig } from '../../../../src/config';
import type { Case } from '../../../../src/data/datalist';
import { createEncoder, estimate, ParameterSet } from '../../../../src/nets';
import { Scope } from '../../../../src/nets/layers';
import { storeSettings } from '../../../../src/data/volumeStore';
import { findUnlabelledCases } from '../../../../src/pretext/cases';
import { Modules, variablesOf, type TrainedModel, type TrainingTask } from '../../../../src/tasks';
import { linear } from '../../../../src/tensor/ops';
import * as tf from '../../../../src/tensor/tf';
import { brightness, type BrightnessMethod } from './descriptor';
import type { BrightnessBatch, BrightnessSettings } from './sampler';

/** The section of a config whose task a test has registered, which the types of ours do not know. */
export const methodOf = (config: PretrainConfig): BrightnessMethod => config.method as unknown as BrightnessMethod;

function build(config: PretrainConfig): TrainedModel<BrightnessBatch> {
  const encoder = createEncoder(config.network, { seed: config.seed, namespace: 'student.' });
  const set = new ParameterSet({ seed: config.seed, namespace: 'head.' });
  const { weight, bias } = new Scope(set).linear(encoder.pooledSize, 1);
  const modules = [
    { prefix: 'student.', set: encoder.parameters },
    { prefix: 'student.head.', set },
  ];
  const weights = new Modules(modules);
  return {
    weights,
    groups: [{ name: '', parameters: modules.flatMap(variablesOf), rate: 1 }],
    loss: {
      reach: 'sample',
      rows: ({ shifts }) => shifts.length,
      loss({ patches, shifts, shape }, { first, count }) {
        const length = patches.length / shifts.length;
        const own = patches.slice(first * length, (first + count) * length);
        const x = tf.tensor5d(own, [count, ...shape, 1]);
        const target = tf.tensor1d(shifts.slice(first, first + count));
        const guess = tf.reshape(linear(encoder.pooled(x), weight.get<tf.Tensor2D>(), bias.get<tf.Tensor1D>()), [
          count,
        ]);
        return {
          loss: tf.mean(tf.square(tf.sub(guess, target))) as tf.Scalar,
          guess: tf.mean(guess) as tf.Scalar,
        };
      },
    },
    dispose: () => weights.dispose(),
  };
}

/** The heavy half of a pretext task of the tests: the network tells by how much a patch was brightened. */
export const brightnessTask: TrainingTask<PretrainConfig, Case, BrightnessBatch> = {
  findCases: findUnlabelledCases,
  checks: (config) => ({ gridSize: methodOf(config).patch }),
  cost(config) {
    const { patch, perVolume } = methodOf(config);
    const { parameters, trainingBytes, forwardFlops } = estimate(config.network, patch);
    const rowsPerStep = config.train.batch * perVolume;
    return { parameters, rowsPerStep, rowBytes: trainingBytes, rowFlops: forwardFlops, followers: 0, tied: false };
  },
  samplerSettings: (config): BrightnessSettings => ({ ...methodOf(config), store: storeSettings(config.data) }),
  network: ({ network, seed }, describeOnly) => createEncoder(network, { seed, describeOnly }),
  trialBatch(config, rows) {
    const shape = methodOf(config).patch;
    const patches = new Float32Array(rows * shape[0] * shape[1] * shape[2]).fill(0.5);
    return { cases: ['trial'], shape, patches, shifts: new Float32Array(rows) };
  },
  build: ({ config }) => build(config),
  best: brightness.best,
  checkpointAtValidation: false,
  describeBatch: ({ shifts }) => ({ shifts: Array.from(shifts) }),
  summary: (scalars) => `loss ${scalars.loss?.toFixed(4)}`,
};
