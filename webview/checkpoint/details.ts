import type { TensorRow, TensorStatistics } from '../../src/protocol/checkpoint';
import { element } from '../ui/dom';
import { formatCount, formatSize, formatValue } from '../../src/text';

/** Names and values, one a line. */
export function factList(rows: readonly (readonly [name: string, value: string])[]): HTMLElement {
  return element(
    'dl',
    {},
    ...rows.flatMap(([name, value]) => [element('dt', {}, name), element('dd', { title: value }, value)]),
  );
}

function histogram({ bins, minimum, maximum }: TensorStatistics): HTMLElement {
  const most = Math.max(...bins, 1);
  const bars = bins.map((count) => {
    const bar = element('span', {});
    // A bin with a single number must not look empty beside one with a million.
    bar.style.height = `${count === 0 ? 0 : Math.max(2, (100 * count) / most)}%`;
    return bar;
  });
  const label = `Histogram from ${formatValue(minimum, 4)} to ${formatValue(maximum, 4)}`;
  const axis = element(
    'div',
    { class: 'axis muted' },
    element('span', {}, formatValue(minimum, 4)),
    element('span', {}, formatValue(maximum, 4)),
  );
  return element('div', {}, element('div', { class: 'histogram', role: 'img', 'aria-label': label }, ...bars), axis);
}

/** The numbers of a tensor in short, with their histogram. */
export function tensorDetails(tensor: TensorRow, statistics: TensorStatistics): HTMLElement {
  const { count, zeros, nan, infinite, minimum, maximum, mean, deviation } = statistics;
  const share = (n: number): string =>
    count === 0 ? '0' : `${formatCount(n)} (${formatValue((100 * n) / count, 3)} %)`;
  const broken: [string, string][] = [
    ...(nan > 0 ? ([['Not a number', share(nan)]] as [string, string][]) : []),
    ...(infinite > 0 ? ([['Infinite', share(infinite)]] as [string, string][]) : []),
  ];
  const rows: [string, string][] = [
    ['Shape', tensor.shape.length === 0 ? 'scalar' : formatSize(tensor.shape)],
    ['Type', tensor.dtype],
    ['Numbers', formatCount(count)],
    ...broken,
    ['Zeros', share(zeros)],
    ['Minimum', formatValue(minimum, 5)],
    ['Maximum', formatValue(maximum, 5)],
    ['Mean', formatValue(mean, 5)],
    ['Deviation', formatValue(deviation, 5)],
  ];
  const parts = Number.isNaN(minimum) ? [] : [histogram(statistics)];
  return element('div', { class: broken.length > 0 ? 'broken' : '' }, ...parts, factList(rows));
}
