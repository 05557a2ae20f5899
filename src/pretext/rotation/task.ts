import { classAnswer } from '../crops/answers';
import { classifying } from '../crops/classifying';
import { classLoss } from '../crops/losses';
import { cropTask } from '../crops/task';
import { labelsOf } from '../crops/tensors';
import { turnName } from '../crops/turns';
import { rotationDescriptor, type RotationMethod } from './descriptor';
import { turnClasses } from './sampler';

/** Cross entropy of the turn, from pooled features and a linear layer. */
export const rotationTask = cropTask<RotationMethod>({
  descriptor: rotationDescriptor,
  tied: true,
  trial: (batch) => ({ ...batch, labels: new Uint8Array(batch.rows) }),
  learner(making, { turns }) {
    const classes = turnClasses(turns);
    const told = { name: 'Which turn', classes: classes.map(turnName), rows: ['the crop'] };
    return classifying(making, {
      name: 'turn',
      count: classes.length,
      judge: (logits, batch, rows) => classLoss(logits, labelsOf(batch, rows).values),
      told: (probabilities, crossEntropy, { labels }) => classAnswer(told, probabilities, labels, crossEntropy),
    });
  },
  told: { metric: 'accuracy', text: 'turns', share: true },
});
