import type { ShownResults } from '../../src/protocol/results';
import { element } from '../ui/dom';
import type { Theme } from '../ui/theme';
import { classifiedTable, confusionTable, rocLegend, rocSvg } from './classification';
import { drawing } from './picture';
import { inkOf } from './segmentationView';

/** Confusion matrix, ROC curves and cases of a classification. */
export function classificationView(
  { results, classes }: ShownResults,
  theme: Theme,
  onOpen: (index: number) => void,
): HTMLElement {
  const cases = results.classification ?? [];
  const curves = drawing(rocSvg(cases, classes, inkOf(theme), theme.fontFamily), 'ROC curves; their areas are listed');
  return element(
    'div',
    { class: 'classification' },
    element('div', { class: 'scroll' }, confusionTable(cases, classes)),
    element('section', {}, element('h2', {}, 'ROC, each class against the rest'), curves, rocLegend(cases, classes)),
    element('div', { class: 'scroll wide' }, classifiedTable(results, classes, onOpen)),
  );
}
