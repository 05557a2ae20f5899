import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { flattenConfig } from '../../../../src/config/flatten';
import { RunFactsStore } from '../../../../src/jobs/table/runFacts';
import { tablePart } from '../../../../src/jobs/table/tablePart';
import { summarizeRun } from '../../../../src/jobs/runSummary';
import type { RunsTableState, TablePart } from '../../../../src/protocol/runs';
import { changeNotes, readNotes } from '../../../../src/runs/notes';
import { RunsFeed } from '../../../../webview/runs/feed';
import { isShown, moveKey, nextSort, orderedColumns, shownRuns, TableModel } from '../../../../webview/runs/model';
import { newRun, temporaryFolder } from '../../runs/support';
import { runFiles } from '../../../../src/runs/files';

describe('flattenConfig', () => {
  it('names leaves by their paths, and writes lists as one leaf', () => {
    const cells = flattenConfig({ train: { steps: 10, mixed: true }, crops: { size: [64, 64, 32] }, data: [{ a: 1 }] });
    expect([...cells]).toEqual([
      ['train.steps', 10],
      ['train.mixed', true],
      ['crops.size', '64, 64, 32'],
      ['data', '[{"a":1}]'],
    ]);
  });

  it('ends on a config that is nested without end', () => {
    const loop: Record<string, unknown> = {};
    loop.again = loop;
    expect(flattenConfig(loop).size).toBe(1);
  });
});

describe('notes', () => {
  it('change part by part and are kept beside the run', async () => {
    const dir = await newRun(temporaryFolder());
    expect(await readNotes(dir)).toEqual({ starred: false, tags: [], note: '' });
    await changeNotes(dir, { starred: true });
    await changeNotes(dir, { tags: [' good ', 'paper', 'good', ''], note: 'lr too high' });
    expect(await readNotes(dir)).toEqual({ starred: true, tags: ['good', 'paper'], note: 'lr too high' });
  });

  it('that are damaged are not overwritten', async () => {
    const dir = await newRun(temporaryFolder());
    writeFileSync(runFiles(dir).notes, '{"note": "mine');
    await expect(changeNotes(dir, { starred: true })).rejects.toThrow(/notes\.json: not JSON/);
    expect(await readFile(runFiles(dir).notes, 'utf8')).toBe('{"note": "mine');
  });
});

async function partOf(dirs: readonly string[], store = new RunFactsStore()): Promise<TablePart> {
  return tablePart(await Promise.all(dirs.map((dir) => summarizeRun(dir))), await store.read(dirs));
}

const valueIn = (part: TablePart, row: number, key: string) =>
  part.rows[row]!.cells[part.columns.findIndex((column) => column.key === key)];

describe('the facts of runs', () => {
  it('are parameters, last metrics, means of results and notes; a run without files has empty cells', async () => {
    const root = temporaryFolder();
    const [a, b] = [await newRun(root, 'a'), await newRun(root, 'b')];
    writeFileSync(join(a, 'config.json'), JSON.stringify({ train: { steps: 7 } }));
    writeFileSync(join(a, 'metrics.jsonl'), '{"step":1,"loss":2,"validation/dice":0.5}\n{"step":2,"loss":"NaN"}\n{"st');
    const overall = { dice: { mean: 0.75, low: 0.7, high: 0.8, count: 3 } };
    writeFileSync(join(a, 'results.json'), JSON.stringify({ format: 1, cases: [], summary: { classes: [], overall } }));
    writeFileSync(join(b, 'config.json'), 'not json');
    const part = await partOf([a, b]);
    expect(valueIn(part, 0, 'parameter:train.steps')).toBe(7);
    expect(valueIn(part, 0, 'metric:loss')).toBe('NaN');
    expect(valueIn(part, 0, 'metric:validation/dice')).toBe(0.5);
    expect(valueIn(part, 0, 'result:dice')).toBe(0.75);
    expect(valueIn(part, 1, 'result:dice')).toBeNull();
    expect(valueIn(part, 1, 'run:state')).toBe('queued');
    expect(part.columns.find(({ key }) => key === 'metric:loss')?.kind).toBe('number');
  });

  it('are read again when a file has changed, and only then', async () => {
    const dir = await newRun(temporaryFolder());
    const store = new RunFactsStore();
    writeFileSync(join(dir, 'metrics.jsonl'), '{"step":1,"loss":2}\n');
    expect(valueIn(await partOf([dir], store), 0, 'metric:loss')).toBe(2);
    const again = await store.read([dir]);
    expect((await store.read([dir]))[0]!.metrics).toBe(again[0]!.metrics);
    writeFileSync(join(dir, 'metrics.jsonl'), '{"step":1,"loss":2}\n{"step":2,"loss":1.25}\n');
    expect(valueIn(await partOf([dir], store), 0, 'metric:loss')).toBe(1.25);
  });
});

const STATE: RunsTableState = {
  sort: [],
  filter: '',
  starredOnly: false,
  differingOnly: true,
  shown: {},
  order: [],
  selected: [],
  columnsOpen: false,
};

function model(): TableModel {
  const table = new TableModel();
  const notes = { starred: false, tags: [], note: '' };
  table.merge({
    columns: [
      { key: 'run:name', group: 'run', name: 'name', kind: 'text' },
      { key: 'run:state', group: 'run', name: 'state', kind: 'state' },
      { key: 'metric:loss', group: 'metric', name: 'loss', kind: 'number' },
      { key: 'parameter:train.steps', group: 'parameter', name: 'train.steps', kind: 'number' },
      { key: 'parameter:seed', group: 'parameter', name: 'seed', kind: 'number' },
    ],
    rows: [
      { id: 'a', notes: { ...notes, tags: ['good'] }, cells: ['run-2', 'finished', 0.5, 100, 0] },
      { id: 'b', notes: { ...notes, starred: true }, cells: ['run-10', 'failed', 'NaN', 2000, 0] },
      { id: 'c', notes, cells: ['run-1', 'finished', null, 2000, 0] },
    ],
  });
  return table;
}

const idsOf = (change: Partial<RunsTableState>) => shownRuns(model(), { ...STATE, ...change }).runs.map(({ id }) => id);

describe('the table', () => {
  it('sorts numbers as numbers, names as people count, and leaves empty cells last both ways', () => {
    expect(idsOf({ sort: [{ key: 'metric:loss', descending: false }] })).toEqual(['a', 'b', 'c']);
    expect(idsOf({ sort: [{ key: 'metric:loss', descending: true }] })).toEqual(['a', 'b', 'c']);
    expect(idsOf({ sort: [{ key: 'run:name', descending: false }] })).toEqual(['c', 'a', 'b']);
    const both = nextSort(nextSort([], 'parameter:train.steps', true), 'run:name', true);
    expect(idsOf({ sort: both })).toEqual(['a', 'c', 'b']);
  });

  it('filters by words, conditions and stars', () => {
    expect(idsOf({ filter: 'good' })).toEqual(['a']);
    expect(idsOf({ filter: 'steps>=2000 state=finished' })).toEqual(['c']);
    expect(idsOf({ filter: 'loss<0.6' })).toEqual(['a']);
    expect(idsOf({ filter: 'tags!=good' })).toEqual(['b', 'c']);
    expect(idsOf({ filter: '"run-1"' })).toEqual(['b', 'c']);
    expect(idsOf({ starredOnly: true })).toEqual(['b']);
  });

  it('says what is wrong with a filter, and then hides nothing', () => {
    const { runs, error } = shownRuns(model(), { ...STATE, filter: 'steeps>3' });
    expect(error).toContain('steeps');
    expect(runs).toHaveLength(3);
    expect(shownRuns(model(), { ...STATE, filter: 'loss<' }).error).toContain('needs a value');
  });

  it('shows of the parameters only what differs, unless asked', () => {
    const table = model();
    const shown = (state: RunsTableState) =>
      table.columns.filter((column) => isShown(table, state, column)).map(({ key }) => key);
    expect(shown(STATE)).toContain('parameter:train.steps');
    expect(shown(STATE)).not.toContain('parameter:seed');
    expect(shown({ ...STATE, differingOnly: false })).toContain('parameter:seed');
    expect(shown({ ...STATE, shown: { 'parameter:train.steps': false } })).not.toContain('parameter:train.steps');
  });

  it('keeps the order of columns that were moved, and puts new ones where they belong', () => {
    const table = model();
    const keys = orderedColumns(table, []).map(({ key }) => key);
    const moved = moveKey(keys, keys, 'parameter:seed', -1);
    expect(orderedColumns(table, moved).map(({ key }) => key)).toEqual(moved);
    table.merge({ columns: [{ key: 'metric:new', group: 'metric', name: 'new', kind: 'number' }], rows: [] });
    const now = orderedColumns(table, moved).map(({ key }) => key);
    expect(now[now.indexOf('metric:loss') + 1]).toBe('metric:new');
  });
});

describe('two thousand runs', () => {
  it('are read, sorted and filtered', async () => {
    const root = temporaryFolder();
    const config = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`key${i}`, i]));
    const dirs = Array.from({ length: 2000 }, (_, i) => {
      const dir = join(root, `run-${i}`);
      mkdirSync(dir);
      const state = { format: 1, name: 'r', kind: 'pretrain', state: 'finished', step: 9, totalSteps: 9 };
      const created = new Date(Date.UTC(2026, 0, 1) + i * 60_000).toISOString();
      writeFileSync(join(dir, 'run.json'), JSON.stringify({ ...state, created }));
      writeFileSync(join(dir, 'config.json'), JSON.stringify({ ...config, seed: i }));
      writeFileSync(join(dir, 'metrics.jsonl'), `{"step":1,"loss":${(i * 7919) % 2000}}\n`);
      return dir;
    });
    const part = await partOf(dirs);
    const table = new TableModel();
    table.merge(part);
    const state = { ...STATE, filter: 'loss<1000', sort: [{ key: 'metric:loss', descending: true }] };
    const { runs } = shownRuns(table, state);
    expect(runs).toHaveLength(1000);
    expect(table.cell(runs[0]!, 'metric:loss')).toBe(999);
  });
});

describe('RunsFeed', () => {
  const part = (...ids: string[]): TablePart => ({
    columns: [{ key: 'run:name', group: 'run', name: 'name', kind: 'text' }],
    rows: ids.map((id) => ({ id, notes: { starred: false, tags: [], note: '' }, cells: [id] })),
  });

  /** A feed whose host answers when the test says so. */
  function waitingFeed() {
    const model = new TableModel();
    const calls: { ids: readonly string[] | undefined; answer(part: TablePart): void; fail(): void }[] = [];
    const call = (_name: string, params: unknown) =>
      new Promise((resolve, reject) => {
        const { ids } = params as { ids?: readonly string[] };
        calls.push({ ids, answer: resolve, fail: () => reject(new Error('unreadable')) });
      });
    return { model, calls, feed: new RunsFeed(model, { call } as ConstructorParameters<typeof RunsFeed>[1]) };
  }

  const asked = (calls: readonly unknown[], count: number) => expect.poll(() => calls.length).toBe(count);

  it('takes what changed while all runs were being read', async () => {
    const { model, calls, feed } = waitingFeed();
    const opened = feed.open();
    const changed = feed.changed(['late'], ['gone']);
    await asked(calls, 1);
    calls[0]!.answer(part('early', 'gone'));
    await opened;
    await asked(calls, 2);
    expect(calls[1]!.ids).toEqual(['late']);
    calls[1]!.answer(part('late'));
    await changed;
    expect([...model.runs.keys()]).toEqual(['early', 'late']);
  });

  it('does not bring back a run that is gone by an answer on its way', async () => {
    const { model, calls, feed } = waitingFeed();
    const opened = feed.open();
    await asked(calls, 1);
    calls[0]!.answer(part('a', 'b'));
    await opened;
    const news = [feed.changed(['a'], []), feed.changed([], ['a'])];
    await asked(calls, 2);
    calls[1]!.answer(part('a'));
    await Promise.all(news);
    expect([...model.runs.keys()]).toEqual(['b']);
  });

  it('asks for nothing more when reading all has failed', async () => {
    const { model, calls, feed } = waitingFeed();
    const opened = feed.open();
    const changed = feed.changed(['late'], []);
    await asked(calls, 1);
    calls[0]!.fail();
    await expect(opened).rejects.toThrow('unreadable');
    await changed;
    expect(calls).toHaveLength(1);
    expect(model.runs.size).toBe(0);
  });
});
