import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { resumeCommand, stopCommand } from '../../../../src/extension/runs/control';
import { createRunsView } from '../../../../src/extension/runs/runsView';
import { TestExtension } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';
import type { MarkdownString, TreeItem } from '../../../support/vscode/values';

let extension: TestExtension;
beforeEach(() => {
  extension = new TestExtension([resumeCommand, stopCommand]);
});
afterEach(() => extension.dispose());

/** Changes a run's run.json as somebody else would. */
async function edit(dir: string, change: object): Promise<void> {
  const file = join(dir, 'run.json');
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...change }));
  await extension.services.registry.refresh(dir);
}

type Item = TreeItem & { readonly contextValue?: string };

async function rows(node?: unknown): Promise<Item[]> {
  const view = editor.trees.get('voco.runs')!;
  return (await view.getChildren(node)).map((one) => view.getTreeItem(one));
}

it('one damaged run does not blank the others, nor do its checkpoints', async () => {
  createRunsView(extension.services);
  await extension.makeRun({ name: 'good', checkpoints: [5] });
  const bad = await extension.makeRun({ name: 'bad', kind: 'finetune', initFrom: 'x' });
  await edit(bad, { resumedAt: 'x', heldOut: { dice: {} }, initFrom: 7, started: [], versions: 3, loss: [] });
  expect((await rows()).map(({ label }) => label).sort()).toEqual(['bad', 'good']);
  mkdirSync(join(bad, 'checkpoints', 'step-00000007.safetensors'), { recursive: true });
  expect((await rows({ run: extension.services.registry.get(bad)! })).map(({ description }) => description)).toEqual([
    'cannot be read',
  ]);
  rmSync(join(bad, 'checkpoints'), { recursive: true });
  writeFileSync(join(bad, 'checkpoints'), '');
  expect(await rows({ run: extension.services.registry.get(bad)! })).toHaveLength(1);
});

it('names are shown as they are: no markdown, no line of their own', async () => {
  createRunsView(extension.services);
  const dir = await extension.makeRun({ name: 'good' });
  await edit(dir, { name: 'a\nb \u001b[2J', exitReason: '[x](command:voco.stop) **b**', state: 'failed' });
  const [item] = await rows();
  expect(item!.label).toBe(String.raw`a b \u001b[2J`);
  const { value } = item!.tooltip as MarkdownString;
  expect(value).toContain(String.raw`\[x\]\(command:voco.stop\) \*\*b\*\*`);
});

it('a run from elsewhere is told as such, and asks before it goes on', async () => {
  createRunsView(extension.services);
  const dir = await extension.makeRun({ name: 'other', state: 'failed', checkpoints: [3] });
  await edit(dir, { seal: 'f'.repeat(64) });
  const [item] = await rows();
  expect((item!.tooltip as MarkdownString).value).toContain(
    'it was not started by you in this folder'.replace('-', ''),
  );
  await extension.run(resumeCommand, dir);
  expect(editor.messages).toMatchObject([
    { modal: true, text: expect.stringContaining('comes from elsewhere'), detail: expect.stringContaining(dir) },
  ]);
  expect(extension.calls).toEqual([]);
  editor.press('Resume Here');
  await extension.run(resumeCommand, dir);
  expect(await extension.callOf('pretrain')).toEqual(['pretrain', '--run', dir, '--resume']);
  expect(extension.services.registry.get(dir)!.foreign).toBeUndefined();
});

it('one that trains elsewhere has no menu to stop it, and is not stopped', async () => {
  createRunsView(extension.services);
  const dir = await extension.makeRun({ name: 'other', state: 'running' });
  await edit(dir, { host: 'cluster-7', pid: process.pid });
  expect((await rows())[0]!.contextValue).toBe('run.foreign.pretrain');
  await extension.run(stopCommand, dir);
  expect(editor.messages[0]!.text).toMatch(/cluster-7, and it was not started by you/);
});
