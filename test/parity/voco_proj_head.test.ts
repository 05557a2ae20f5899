import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boxAround, type Vec3 } from '../../src/geometry';
import { ParameterSet } from '../../src/nets/parameters';
import * as tf from '../../src/tensor/tf';
import { createObjective } from '../../src/pretext/voco/objectives';
import { createCropGrid, positionLabel } from '../../src/pretext/voco/geometry';
import { Projector } from '../../src/pretext/voco/projector';
import { releaseBackends, usableBackends, useBackend } from '../support/backends';
import { argumentsIn, fixtureIfThere, partsOf, withFixtures } from '../support/fixtures';
import { Formula } from '../support/formula';
import type { GradientSummary, Summary } from '../support/reference';
import { gradientError, loadFormula, summaryError } from '../support/reference';

type Centre = readonly [number, number];

/** Size of the released code's crops, where the fixtures of the labels do not name another for grids of this size. */
const RELEASED_CROP = 96;

/** Position labels on a square grid of so many base crops, all crops of one size. */
function labelsAt(centres: readonly Centre[], bases: number): number[][] {
  const side = Math.sqrt(bases);
  const labels = argumentsIn(fixtureIfThere<{ what: string }>('position_labels.json')?.what ?? '');
  const crop = labels.num_crops === side ? labels.base_roi! : RELEASED_CROP;
  const size: Vec3 = [crop, crop, crop];
  const grid = createCropGrid([side, side, 1], size, [side * crop, side * crop, crop]);
  return centres.map(([x, y]) => Array.from(positionLabel(boxAround([x, y, Math.floor(crop / 2)], size), grid)));
}

interface Fixture {
  seed: number;
  config: { centers: Centre[]; in_dim: number; hidden: number; out_dim: number };
  /** How features and parameters are named. */
  inputs: string;
  state_dict: [string, number[]][];
  pos: number;
  neg: number;
  reg: number;
  student_emb: Summary;
  teacher_emb: Summary;
  logits: number[][];
  d_total_d_student_feats: Summary;
  grads: Record<string, GradientSummary>;
}
const TOLERANCE = 1e-5;
/** Their exact gradient is 0: the batch norm that follows takes any constant away. */
const ZERO = ['layer1.0.bias', 'layer2.0.bias'];

afterAll(releaseBackends);

const backends = await usableBackends('block');

withFixtures<[Fixture]>('projector and loss of the released code', ['voco_proj_head.json'], (fixture) => {
  const formula = new Formula(fixture.seed);
  const labels = labelsAt(fixture.config.centers, fixture.student_emb.shape[0]! - fixture.config.centers.length);
  const [studentName, teacherName] = partsOf(/uniform\('([^']+)' \| '([^']+)'/, fixture.inputs);
  const [studentPrefix, teacherPrefix] = partsOf(/named '([^']+)<k>' \/ '([^']+)<k>'/, fixture.inputs);

  describe.each(backends)('on %s', (backend) => {
    beforeAll(() => useBackend(backend));

    it('gives the embeddings, losses and gradients of the reference', async () => {
      const { in_dim: inSize, hidden, out_dim: out } = fixture.config;
      const [student, teacher] = [studentPrefix!, teacherPrefix!].map((prefix) => {
        const projector = new Projector(new ParameterSet({ seed: 0 }), inSize, { hidden, out });
        loadFormula(projector.parameters, formula, prefix);
        return projector;
      });
      expect(student!.parameters.layout).toEqual(fixture.state_dict.map(([name, shape]) => ({ name, shape })));
      const count = fixture.student_emb.shape[0]!;
      const features = (name: string) => tf.tensor2d(formula.uniformArray(name, [count, inSize]), [count, inSize]);
      const [studentFeatures, teacherFeatures] = [features(studentName!), features(teacherName!)];
      const objective = createObjective('voco-10k');
      const layout = { volumes: 1, randomPerVolume: labels.length, basesPerVolume: labels[0]!.length };
      const loss = () =>
        objective.loss({
          features: { student: studentFeatures, teacher: teacherFeatures },
          labels: tf.tensor2d(labels),
          layout,
          projectors: { student: student!, teacher: teacher! },
        });

      const result = loss();
      const read = async (x: tf.Tensor) => Array.from(await x.data());
      expect(summaryError(await read(result.embeddings), fixture.student_emb)).toBeLessThanOrEqual(TOLERANCE);
      const teacherRows = await read(teacher!.forward(teacherFeatures));
      expect(summaryError(teacherRows, fixture.teacher_emb)).toBeLessThanOrEqual(TOLERANCE);
      const assignments = await read(result.assignments);
      fixture.logits.flat().forEach((value, i) => expect(Math.abs(assignments[i]! - value)).toBeLessThanOrEqual(1e-6));
      const part = async (name: string) => (await result.parts[name]!.data())[0]!;
      expect(Math.abs((await part('positive')) / fixture.pos - 1)).toBeLessThanOrEqual(TOLERANCE);
      expect(Math.abs((await part('negative')) / fixture.neg - 1)).toBeLessThanOrEqual(TOLERANCE);
      expect(Math.abs((await part('regularizer')) / fixture.reg - 1)).toBeLessThanOrEqual(TOLERANCE);

      const parameters = student!.parameters.all;
      const variables = parameters.map((parameter) => parameter.variable as tf.Tensor);
      const { grads } = tf.valueAndGrads(() => loss().total)([studentFeatures, ...variables]);
      expect(summaryError(await read(grads[0]!), fixture.d_total_d_student_feats)).toBeLessThanOrEqual(TOLERANCE);
      for (const [i, parameter] of parameters.entries()) {
        const gradient = await read(grads[i + 1]!);
        if (ZERO.includes(parameter.name)) expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(1e-7);
        else expect(gradientError(gradient, fixture.grads[parameter.name]!)).toBeLessThanOrEqual(TOLERANCE);
      }
    });
  });
});
