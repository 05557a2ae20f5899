import { createEncoder } from '../../nets/build';
import { ParameterSet } from '../../nets/parameters';
import type { LoadOptions, LoadReport, StateEntry } from '../../nets/state';
import type { NetworkConfig } from '../../nets/descriptors';
import type { Encoder } from '../../nets/types';
import type { RandomStream } from '../../random/random';
import { valueAndGradients } from '../../tensor/autodiff';
import { emaUpdate } from '../../tensor/optim';
import type { Remembered } from '../../tasks';
import { Modules, variablesOf, type Module, type NamedVariable } from '../../tasks/modules';
import type * as tf from '../../tensor/tf';
import { createObjective } from './objectives';
import { teacherNeeds, type TeacherChoice } from './objectives/descriptors';
import type { Objective, ObjectiveName, ObjectiveOptions, ObjectiveResult, StepLayout } from './objectives';
import { Projector, type ProjectorOptions } from './projector';

export interface VocoModelOptions {
  network: NetworkConfig;
  objective: ObjectiveName;
  seed: number;
  /** Default: the sizes of the objective's authors. */
  projector?: Partial<ProjectorOptions>;
  /** Default: that of the objective's authors. */
  teacher?: TeacherChoice | undefined;
  /** Share of the teacher's own value that an update keeps; default 0.9, as in both released codes. */
  teacherMomentum?: number;
  /** How the teacher starts: with values of its own, as in the released code (default), or as a copy of the student. */
  teacherInit?: 'independent' | 'copy';
  weights?: Partial<ObjectiveOptions>;
}

export interface Features {
  /** [B·R + B·n, F], random crops first. */
  student: tf.Tensor2D;
  /** The same crops through the teacher encoder, for objectives that need it. */
  teacher?: tf.Tensor2D;
}

/** The caller owns all tensors. */
export interface LossAndGradients extends ObjectiveResult {
  /** Gradient of the total with respect to the student's pooled features [B·R + B·n, F]. */
  featureGradient: tf.Tensor2D;
  /** Gradients of {@link VocoModel.projectorVariables}, in that order. */
  projectorGradients: tf.Tensor[];
}

/**
 * What VoCo trains: the student encoder and projector, and a teacher where the objective has one. The state dict has the
 * names of the released codes: `student.swinViT…`, `student.proj_head…`, `teacher.…`; for `tpami` `backbone.…`,
 * `student.layer1…`, `teacher.layer1…`.
 *
 * A step is: student features (crops at a time as memory allows) – {@link updateTeacher} – teacher features –
 * {@link lossAndGradients} – the feature gradient pulled back through the encoder. The released code updates the teacher at
 * that point, with the student's weights of before the optimizer step.
 */
export class VocoModel {
  readonly objective: Objective;
  readonly student: Encoder;
  readonly teacher: Encoder | undefined;
  readonly projector: Projector;
  readonly teacherProjector: Projector | undefined;
  private readonly studentModules: { encoder: Module; projector: Module };
  private readonly modules: Modules;
  private readonly momentum: number;

  constructor(options: VocoModelOptions) {
    this.objective = createObjective(options.objective, options.weights);
    this.momentum = options.teacherMomentum ?? 0.9;
    const { projector } = this.objective;
    const needs = teacherNeeds(this.objective, options.teacher);
    const names = needs.teacherEncoder || !needs.teacherProjector ? FULL_NAMES : PROJECTOR_TEACHER_NAMES;
    const sizes = { ...projector, ...options.projector };
    const init = (prefix: string) => ({ seed: options.seed, namespace: prefix });
    const head = (prefix: string) => new Projector(new ParameterSet(init(prefix)), this.student.pooledSize, sizes);
    this.student = createEncoder(options.network, init(names.encoder));
    this.projector = head(names.projector);
    this.teacher = needs.teacherEncoder ? createEncoder(options.network, init(names.teacherEncoder)) : undefined;
    this.teacherProjector = needs.teacherProjector ? head(names.teacherProjector) : undefined;
    this.studentModules = {
      encoder: { prefix: names.encoder, set: this.student.parameters },
      projector: { prefix: names.projector, set: this.projector.parameters },
    };
    const teachers: Module[] = [];
    if (this.teacher) teachers.push({ prefix: names.teacherEncoder, set: this.teacher.parameters });
    if (this.teacherProjector) teachers.push({ prefix: names.teacherProjector, set: this.teacherProjector.parameters });
    this.modules = new Modules([this.studentModules.encoder, this.studentModules.projector, ...teachers]);
    if (options.teacherInit === 'copy') this.averageInto(0);
  }

  /** Pooled student features [N, F] of crops [N, D, H, W, C]. */
  encode(crops: tf.Tensor5D): tf.Tensor2D {
    return this.student.pooled(crops);
  }

  /** Pooled teacher features; only where the objective has a teacher encoder. */
  encodeTeacher(crops: tf.Tensor5D): tf.Tensor2D {
    if (!this.teacher) throw new Error(`${this.objective.name} has no teacher encoder`);
    return this.teacher.pooled(crops);
  }

  /** Moves the teacher towards the student: t ← m·t + (1 − m)·s. Does nothing where there is no teacher. */
  updateTeacher(): void {
    this.averageInto(this.momentum);
  }

  /** The teacher's weights, to be put back when a step is not done after all. */
  rememberTeacher(): Remembered {
    const sets = [this.teacher?.parameters, this.teacherProjector?.parameters];
    const before = sets.flatMap((set) => set?.all ?? []).map(({ variable }) => ({ variable, value: variable.clone() }));
    const forget = (): void => before.forEach(({ value }) => value.dispose());
    return {
      forget,
      restore: () => {
        for (const { variable, value } of before) variable.assign(value);
        forget();
      },
    };
  }

  private averageInto(momentum: number): void {
    const teachers: tf.Variable[] = [];
    const students: tf.Variable[] = [];
    const join = (teacher: ParameterSet | undefined, student: ParameterSet) => {
      if (!teacher) return;
      teachers.push(...teacher.all.map((parameter) => parameter.variable));
      students.push(...student.all.map((parameter) => parameter.variable));
    };
    join(this.teacher?.parameters, this.student.parameters);
    join(this.teacherProjector?.parameters, this.projector.parameters);
    emaUpdate(teachers, students, momentum);
  }

  /** The loss of a step from pooled features; `random` draws the dropout of `tpami` and is left out in validation. */
  loss(features: Features, labels: tf.Tensor2D, layout: StepLayout, random?: RandomStream): ObjectiveResult {
    const projectors = { student: this.projector, teacher: this.teacherProjector };
    return this.objective.loss({ features, labels, layout, projectors, random });
  }

  /** {@link loss} with the gradients of `scale` times the loss to the student's features and to the projector. */
  lossAndGradients(
    features: Features,
    labels: tf.Tensor2D,
    layout: StepLayout,
    random?: RandomStream,
    scale = 1,
  ): LossAndGradients {
    const variables = this.projectorVariables().map(({ variable }) => variable as tf.Tensor);
    const { value, gradients } = valueAndGradients(
      () => {
        const { total, parts, assignments, embeddings } = this.loss(features, labels, layout, random);
        return { loss: total, parts, assignments, embeddings };
      },
      [features.student, ...variables],
      scale,
    );
    const { loss: total, parts, assignments, embeddings } = value;
    const [featureGradient, ...projectorGradients] = gradients as [tf.Tensor2D, ...tf.Tensor[]];
    return { total, parts, assignments, embeddings, featureGradient, projectorGradients };
  }

  encoderVariables(): NamedVariable[] {
    return variablesOf(this.studentModules.encoder);
  }

  projectorVariables(): NamedVariable[] {
    return variablesOf(this.studentModules.projector);
  }

  /** Everything that the optimizer updates, under its state-dict name. */
  trainableVariables(): NamedVariable[] {
    return [...this.encoderVariables(), ...this.projectorVariables()];
  }

  /** Student and teacher in torch's shapes, element order and names. */
  stateDict(): Promise<StateEntry[]> {
    return this.modules.stateDict();
  }

  /** @throws UserError in strict mode when the entries do not fit; nothing is changed then. */
  loadStateDict(entries: Iterable<StateEntry>, options: LoadOptions = {}): LoadReport {
    return this.modules.loadStateDict(entries, options);
  }

  dispose(): void {
    this.modules.dispose();
  }
}

interface GroupNames {
  encoder: string;
  projector: string;
  teacherEncoder: string;
  teacherProjector: string;
}

const FULL_NAMES: GroupNames = {
  encoder: 'student.',
  projector: 'student.proj_head.',
  teacherEncoder: 'teacher.',
  teacherProjector: 'teacher.proj_head.',
};

const PROJECTOR_TEACHER_NAMES: GroupNames = {
  encoder: 'backbone.',
  projector: 'student.',
  teacherEncoder: 'teacher.',
  teacherProjector: 'teacher.',
};
