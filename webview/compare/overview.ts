import type { Comparison } from '../../src/protocol/comparison';
import type { CompareState } from '../../src/protocol/compare';
import { metricLabel } from '../ui/format';
import { element } from '../ui/dom';
import type { Theme } from '../ui/theme';
import { matching, valueText } from './configModel';
import { Drawn } from './drawn';
import { badge } from './letters';
import { counted, formatTime, formatValue } from '../../src/text';

/** From this many differing keys on there is a box to search them. */
const MANY = 12;

/** What a step measured that tells how good its weights are. */
const TELLING = /^(loss|accuracy|validation\/.*)$/;

/** "validation/dice/liver" → "Held-out Dice, liver". */
function scoreLabel(name: string): string {
  const [, held, metric, of] = /^(validation\/)?([^/]+)(?:\/(.+))?$/.exec(name) ?? [];
  const text = metric === 'dice' ? 'Dice' : metricLabel(metric ?? name);
  const label = `${held ? 'held-out ' : ''}${text}${of ? `, ${of}` : ''}`;
  return label.replace(/^./, (letter) => letter.toUpperCase());
}

const KINDS: Readonly<Record<string, string>> = { pretrain: 'pre-training', finetune: 'fine-tuning' };
const LONGEST = 48;

/** A fact as people read it: kinds in words, times in theirs. */
function factText(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (name === 'Kind') return KINDS[text] ?? text;
  return (name === 'Started' ? formatTime(text) : undefined) ?? text;
}

const CHECKPOINT = /([^\\/]+)[\\/]checkpoints[\\/]step-0*(\d+)\.safetensors$/;

/** Of a checkpoint its run and step, of another long path the end, which tells it from others. */
function shortened(text: string): string {
  const [, run, step] = CHECKPOINT.exec(text) ?? [];
  if (run !== undefined) return `${run}, step ${step}`;
  return text.length > LONGEST && /[\\/]/.test(text) ? `…${text.slice(1 - LONGEST)}` : text;
}

interface Row {
  readonly name: string;
  /** One a checkpoint; undefined: it has none. */
  readonly values: readonly (string | undefined)[];
}

function originRows({ checkpoints }: Comparison): Row[] {
  const names = [...new Set(checkpoints.flatMap(({ facts }) => facts.map(({ name }) => name)))];
  const known = new Set(checkpoints.flatMap((one) => Object.keys(one.scores)));
  const scores = [...known].filter((name) => TELLING.test(name));
  return [
    ...names.map((name) => ({
      name,
      values: checkpoints.map(({ facts }) => factText(name, facts.find((fact) => fact.name === name)?.text)),
    })),
    ...scores.map((name) => ({
      name: scoreLabel(name),
      values: checkpoints.map((one) => (one.scores[name] === undefined ? undefined : formatValue(one.scores[name], 4))),
    })),
  ];
}

function table(caption: string, rows: readonly Row[], count: number, theme: Theme): HTMLElement {
  const head = Array.from({ length: count }, (_, at) => element('th', { scope: 'col' }, badge(at, theme.kind)));
  const body = rows.map(({ name, values }) => {
    const differs = new Set(values).size > 1;
    const cells = values.map((value) =>
      element(
        'td',
        { title: value, class: value === undefined ? 'muted' : '' },
        value === undefined ? '–' : shortened(value),
      ),
    );
    return element('tr', { class: differs ? 'differs' : 'same' }, element('th', { scope: 'row' }, name), ...cells);
  });
  return element(
    'table',
    { class: 'facts' },
    element('caption', { class: 'unseen' }, caption),
    element('thead', {}, element('tr', {}, element('td', {}), ...head)),
    element('tbody', {}, ...body),
  );
}

/** Where the checkpoints come from, and in what their configs differ. */
export class Overview {
  readonly node = element('div', { class: 'overview' });
  private readonly drawn = new Drawn();
  private readonly origins = element('div', { class: 'scroll', id: 'origins' });
  private readonly configs = element('div', { class: 'scroll', id: 'configs' });
  private readonly count = element('span', { class: 'muted', role: 'status' });
  private readonly filter = element('input', {
    type: 'search',
    id: 'config-filter',
    placeholder: 'Find a key or value',
    'aria-label': 'Find a key or value of the configs',
    spellcheck: 'false',
  });

  constructor(set: (change: Partial<CompareState>) => void) {
    this.filter.addEventListener('input', () => set({ configFilter: this.filter.value }));
    const line = element('div', { class: 'toolbar' }, element('h2', {}, 'Config differences'), this.filter);
    line.append(this.count);
    this.node.append(element('h2', {}, 'Origins'), this.origins, line, this.configs);
  }

  update(comparison: Comparison, state: CompareState, theme: Theme): void {
    if (!this.drawn.differs(comparison, state.configFilter, theme)) return;
    const { config, checkpoints } = comparison;
    const { length } = checkpoints;
    this.origins.replaceChildren(table('Where the checkpoints come from', originRows(comparison), length, theme));
    this.filter.hidden = config.length < MANY;
    if (document.activeElement !== this.filter) this.filter.value = state.configFilter;
    const found = this.filter.hidden ? config : matching(config, state.configFilter);
    this.count.textContent =
      config.length === 0
        ? 'none: the configs are the same'
        : found.length === config.length
          ? counted(config.length, 'key')
          : `${found.length} of ${config.length} keys`;
    const rows = found.map(({ path, values }) => ({
      name: path,
      values: values.map((value) => (value === null ? undefined : valueText(value))),
    }));
    this.configs.replaceChildren(
      ...(rows.length > 0 ? [table('Keys with different values', rows, length, theme)] : []),
    );
  }
}
