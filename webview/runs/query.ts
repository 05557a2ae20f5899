import type { TableCell, TableColumn } from '../../src/protocol/runs';

type Operator = '<' | '<=' | '>' | '>=' | '=' | '!=' | ':';

type Term =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'column'; readonly keys: readonly string[]; readonly operator: Operator; readonly text: string };

/** A filter that was understood, or what is wrong with it. */
export type Query = { readonly terms: readonly Term[] } | { readonly error: string };

const TERM = /"([^"]*)"|(\S+)/g;
const CONDITION = /^([^<>=!:"]+)(<=|>=|!=|<|>|=|:)(.*)$/;

/** The columns that people mean by a name: of that name, or with it at the end of a path, as `steps` for `train.steps`. */
export function findColumns(name: string, columns: readonly TableColumn[]): TableColumn[] {
  const wanted = name.toLowerCase();
  return columns.filter((column) => {
    const known = column.name.toLowerCase();
    return known === wanted || known.endsWith(`.${wanted}`) || known.endsWith(`/${wanted}`);
  });
}

/**
 * Reads a filter: words and "quoted texts" that must occur in the run's name, state, tags or note, and conditions such as
 * `loss<0.2`, `steps>=1000`, `state=finished`, `tags:good` (`:` is "contains"). All of them must hold; of several columns
 * that a name fits, one is enough.
 */
export function parseQuery(text: string, columns: readonly TableColumn[]): Query {
  const terms: Term[] = [];
  for (const [, quoted, word] of text.matchAll(TERM)) {
    const condition = word === undefined ? null : CONDITION.exec(word);
    if (!condition) {
      terms.push({ kind: 'text', text: (quoted ?? word ?? '').toLowerCase() });
      continue;
    }
    const [, name, operator, value] = condition as unknown as [string, string, Operator, string];
    const found = findColumns(name, columns);
    if (found.length === 0)
      return { error: `No column is named “${name}”. Put quotes around text that contains “${operator}”.` };
    if (value === '') return { error: `“${name}${operator}” needs a value, as in ${name}${operator}1.` };
    terms.push({ kind: 'column', keys: found.map(({ key }) => key), operator, text: value.toLowerCase() });
  }
  return { terms };
}

function holds(cell: TableCell, operator: Operator, text: string): boolean {
  if (cell === null) return operator === '!=';
  const shown = String(cell).toLowerCase();
  if (operator === ':') return shown.includes(text);
  const number = Number(text);
  const numeric = typeof cell === 'number' && !Number.isNaN(number);
  const order = numeric ? cell - number : shown < text ? -1 : shown > text ? 1 : 0;
  switch (operator) {
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
  }
}

/**
 * Whether a run passes a filter.
 *
 * @param cell the run's value in a column
 * @param words texts of the run that plain words are looked for in, in lower case
 */
export function matches(terms: readonly Term[], cell: (key: string) => TableCell, words: string): boolean {
  return terms.every((term) => {
    if (term.kind === 'text') return words.includes(term.text);
    const { keys, operator, text } = term;
    const test = (key: string): boolean => holds(cell(key), operator, text);
    return operator === '!=' ? keys.every(test) : keys.some(test);
  });
}
