import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boxAround } from '../../src/geometry';
import { ParameterSet } from '../../src/nets/parameters';
import * as tf from '../../src/tensor/tf';
import { createObjective } from '../../src/pretext/voco/objectives';
import { createCropGrid, positionLabel } from '../../src/pretext/voco/geometry';
import { Projector } from '../../src/pretext/voco/projector';
import { releaseBackends, usableBackends, useBackend } from '../support/backends';
import { withFixtures } from '../support/fixtures';
import { Formula } from '../support/formula';
import type { GradientSummary, Summary } from '../support/reference';
import { gradientError, loadFormula, summaryError } from '../support/reference';

type Centre = readonly [number, number];

/** Position labels of crops of 96 voxels on the released grid of 4 × 4 base crops. */
function labelsAt(centres: readonly Centre[]): number[][] {
  const grid = createCropGrid([4, 4, 1], [96, 96, 96], [384, 384, 96]);
  return centres.map(([x, y]) => Array.from(positionLabel(boxAround([x, y, 48], [96, 96, 96]), grid)));
}

interface Fixture {
  seed: number;
  config: { centers: Centre[]; in_dim: number; hidden: number; out_dim: number };
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
  const labels = labelsAt(fixture.config.centers);

  describe.each(backends)('on %s', (backend) => {
    beforeAll(() => useBackend(backend));

    it('gives the embeddings, losses and gradients of the reference', async () => {
      const { in_dim: inSize, hidden, out_dim: out } = fixture.config;
      const [student, teacher] = ['student', 'teacher'].map((side) => {
        const projector = new Projector(new ParameterSet({ seed: 0 }), inSize, { hidden, out });
        loadFormula(projector.parameters, formula, `${side}.proj_head.`);
        return projector;
      });
      expect(student!.parameters.layout).toEqual(fixture.state_dict.map(([name, shape]) => ({ name, shape })));
      const count = fixture.student_emb.shape[0]!;
      const features = (side: string) =>
        tf.tensor2d(formula.uniformArray(`proj.${side}_feats`, [count, inSize]), [count, inSize]);
      const [studentFeatures, teacherFeatures] = [features('student'), features('teacher')];
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
