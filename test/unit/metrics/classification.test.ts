import { describe, expect, it } from 'vitest';
import { classificationScores, rocAuc } from '../../../src/metrics';

describe('area under the ROC curve', () => {
  it('is the share of pairs in order, ties half', () => {
    expect(rocAuc([0.1, 0.4, 0.35, 0.8], [false, false, true, true])).toBe(0.75);
    expect(rocAuc([1, 1, 1, 1], [false, true, false, true])).toBe(0.5);
    expect(rocAuc([1, 2, 3], [false, false, true])).toBe(1);
    expect(rocAuc([1, 2], [true, true])).toBeNaN();
  });
});

describe('scores of a classification', () => {
  it('are accuracy, macro F1 and macro AUC', () => {
    const rows = [
      [0.8, 0.1, 0.1],
      [0.3, 0.6, 0.1],
      [0.2, 0.5, 0.3],
      [0.1, 0.2, 0.7],
    ];
    const { accuracy, f1, auc } = classificationScores(rows, [0, 1, 2, 2]);
    expect(accuracy).toBe(0.75);
    // Classes 0: 1; 1: precision 1/2, recall 1; 2: precision 1, recall 1/2.
    expect(f1).toBeCloseTo((1 + 2 / 3 + 2 / 3) / 3, 12);
    expect(auc).toBeCloseTo(1, 12);
  });

  it('leave out a class that does not occur', () => {
    const { f1, auc } = classificationScores([[2, 1, 0], [1, 2, 0]], [0, 1]); // prettier-ignore
    expect([f1, auc]).toEqual([1, 1]);
  });
});
