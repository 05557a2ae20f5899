import { UserError } from '../errors/userError';
import { channelNorm, groupNorm } from '../tensor/ops';
import * as tf from '../tensor/tf';
import type { Norm } from './norms';
import type { Scope } from './layers';
import type { Counter, Parameter } from './parameters';

/** Share of the running statistics that a step replaces (`momentum` of torch's batch norm). */
const STEP_SHARE = 0.1;
const EPS = 1e-5;

/** Of a batch, by channel [C]. */
interface Statistics {
  readonly mean: tf.Tensor;
  /** Unbiased. */
  readonly variance: tf.Tensor;
}

/**
 * The forward passes of one training step. Batch norms inside of {@link run} use the statistics of the batch; outside of it, they
 * use running ones. What they have seen moves the running statistics when the step is done: {@link apply}.
 */
export class TrainingPass {
  private static active: TrainingPass | undefined;
  private readonly seen = new Map<BatchNorm, Statistics>();
  private readonly kept: ReadonlySet<tf.Variable>;

  /** @param kept weights that the step keeps as they are: norms with them use running statistics, and do not move them */
  constructor(kept: readonly tf.Variable[] = []) {
    this.kept = new Set(kept);
  }

  keeps({ variable }: Parameter): boolean {
    return this.kept.has(variable);
  }

  static get current(): TrainingPass | undefined {
    return TrainingPass.active;
  }

  run<T>(forward: () => T): T {
    const before = TrainingPass.active;
    TrainingPass.active = this;
    try {
      return forward();
    } finally {
      TrainingPass.active = before;
    }
  }

  /** @param moments mean and unbiased variance of the whole batch; they are copied */
  see(norm: BatchNorm, moments: Statistics): void {
    if (this.seen.has(norm)) throw new Error(`${norm.name}: the batch of a step came to a batch norm in pieces`);
    this.seen.set(norm, { mean: tf.keep(tf.clone(moments.mean)), variance: tf.keep(tf.clone(moments.variance)) });
  }

  /** Moves the running statistics, once. */
  apply(): void {
    for (const [norm, statistics] of this.seen) norm.follow(statistics);
    this.dispose();
  }

  /** Forgets what was seen: the step is not done. */
  dispose(): void {
    for (const statistics of this.seen.values()) tf.dispose({ ...statistics });
    this.seen.clear();
  }
}

/**
 * Batch norm with scale and shift (torch.nn.BatchNorm3d, momentum 0.1), then leaky ReLU. It ties the rows of a batch together: in a
 * {@link TrainingPass} the batch must come as a whole. Names: weight, bias, running_mean, running_var, num_batches_tracked.
 */
export class BatchNorm implements Norm {
  readonly name: string;
  private readonly gamma: Parameter;
  private readonly beta: Parameter;
  private readonly mean: Parameter;
  private readonly variance: Parameter;
  private readonly steps: Counter;

  /** @param frozen running statistics are used in training, too, and stay as they are */
  constructor(
    { set, prefix }: Scope,
    private readonly channels: number,
    private readonly frozen: boolean,
  ) {
    this.name = prefix.replace(/\.$/, '');
    this.gamma = set.add(`${prefix}weight`, [channels], { kind: 'constant', value: 1 });
    this.beta = set.add(`${prefix}bias`, [channels], { kind: 'constant', value: 0 });
    this.mean = set.addStatistic(`${prefix}running_mean`, [channels], 0);
    this.variance = set.addStatistic(`${prefix}running_var`, [channels], 1);
    this.steps = set.addCounter(`${prefix}num_batches_tracked`);
  }

  forward(x: tf.Tensor5D, slope: number): tf.Tensor5D {
    const current = this.frozen ? undefined : TrainingPass.current;
    const pass = current?.keeps(this.gamma) ? undefined : current;
    const affine = { gamma: this.gamma.get<tf.Tensor1D>(), beta: this.beta.get<tf.Tensor1D>(), eps: EPS, slope };
    if (!pass) {
      const running = { mean: this.mean.get<tf.Tensor1D>(), variance: this.variance.get<tf.Tensor1D>() };
      return channelNorm(x, { ...affine, ...running });
    }
    const [n, d, h, w] = x.shape;
    const count = n * d * h * w;
    if (count < 2)
      throw new UserError(
        'network: batch norm needs more than one value a channel, but a single voxel of a single crop is left at the ' +
          'deepest stage: take larger crops, more of them a step, or network.freezeStatistics true',
      );
    return tf.tidy(() => {
      const asOne: tf.Tensor5D = tf.reshape(x, [1, n * d, h, w, this.channels]);
      const seen = (mean: tf.Tensor, rstd: tf.Tensor): void => {
        const biased = tf.sub(tf.reciprocal(tf.square(rstd)), EPS);
        const variance = tf.mul(tf.maximum(biased, 0), count / (count - 1));
        pass.see(this, { mean: tf.reshape(mean, [this.channels]), variance: tf.reshape(variance, [this.channels]) });
      };
      return tf.reshape(groupNorm(asOne, { ...affine, groups: this.channels, seen }), x.shape);
    });
  }

  /** Moves the running statistics towards those of a step's batch. */
  follow({ mean, variance }: Statistics): void {
    tf.tidy(() => {
      const mixed = (old: tf.Tensor, fresh: tf.Tensor): tf.Tensor =>
        tf.add(tf.mul(old, 1 - STEP_SHARE), tf.mul(fresh, STEP_SHARE));
      this.mean.variable.assign(mixed(this.mean.get(), mean));
      this.variance.variable.assign(mixed(this.variance.get(), variance));
    });
    this.steps.count += 1;
  }
}
