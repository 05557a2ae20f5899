import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkpointsToCompare } from '../../../../src/extension/compare/compareCheckpoints';
import { Cancelled } from '../../../../src/extension/shared/command';
import { TestExtension } from '../../../support/extension';
import { quickPicks } from '../../../support/vscode';
import { editor } from '../../../support/vscode/editor';
import { Uri } from '../../../support/vscode/values';
import { checkpointFile } from '../../../../src/runs/files';

let extension: TestExtension;
let older: string;
let newer: string;
beforeEach(async () => {
  quickPicks.length = 0;
  extension = new TestExtension([]);
  older = await extension.makeRun({ name: 'ct', checkpoints: [10, 20], now: new Date('2026-01-01') });
  newer = await extension.makeRun({ name: 'mr', checkpoints: [10], now: new Date('2026-01-02') });
});
afterEach(() => extension.dispose());

const compared = (argument?: unknown, selected?: unknown): Promise<string[]> =>
  checkpointsToCompare(extension.services, argument, selected);

/** The list of checkpoints, when it has been filled. */
async function list() {
  await expect.poll(() => quickPicks[0]?.items.length).toBeGreaterThan(0);
  return quickPicks[0]!;
}

describe('what a menu, a table or files name', () => {
  it('is compared without asking, the earlier run first', async () => {
    const files = [checkpointFile(newer, 10), checkpointFile(older, 20), checkpointFile(older, 10)];
    const named = files.map((file) => ({ checkpoint: { file } }));
    expect(await compared(named[0], named)).toEqual([files[2], files[1], files[0]]);
    expect(await compared([newer, older])).toEqual([checkpointFile(older, 20), checkpointFile(newer, 10)]);
    const uris = [Uri.file('/b.pt'), Uri.file('/a.pt')];
    expect(await compared(uris[0], uris)).toEqual(['/b.pt', '/a.pt']);
    expect(quickPicks).toEqual([]);
  });

  it('stands for an evaluation by the checkpoint that it measured, and each file once', async () => {
    const file = checkpointFile(older, 10);
    const evaluation = await extension.makeRun({ kind: 'evaluate', initFrom: file });
    expect(await compared([evaluation, { checkpoint: { file } }, newer])).toEqual([file, checkpointFile(newer, 10)]);
  });

  it('is refused where it is too much, a study, or unreadable', async () => {
    const five = [1, 2, 3, 4, 5].map((n) => Uri.file(`/${n}.pt`));
    await expect(compared(five[0], five)).rejects.toThrow('2 to 4 checkpoints can be compared; 5 are selected.');
    const study = await extension.makeRun({ kind: 'study' });
    await expect(compared([study, older])).rejects.toThrow(/a study has no checkpoint of its own/);
    await expect(compared({ file: '/x', reason: '/x: is cut short' })).rejects.toThrow('/x: is cut short');
  });
});

describe('the list of checkpoints', () => {
  it('has those of all trainings, with what is selected in the runs view ticked', async () => {
    extension.services.selection.nodes = [{ run: extension.services.registry.get(newer) }];
    const answer = compared();
    const pick = await list();
    await expect.poll(() => pick.selectedItems.map(({ label }) => label)).toEqual(['step 10']);
    expect(pick.title).toBe('Compare 2 to 4 checkpoints: 1 is ticked');
    expect(pick.items.map(({ label }) => label.replace(/-\d.*?,/, ','))).toEqual([
      ...['mr, pre-training', 'step 10', 'ct, pre-training', 'step 20', 'step 10'],
    ]);
    pick.selectedItems = [...pick.selectedItems, pick.items[3]!];
    pick.accept();
    expect(await answer).toEqual([checkpointFile(older, 20), checkpointFile(newer, 10)]);
  });

  it('completes a single one that is named', async () => {
    const answer = compared(Uri.file('/weights.pt'));
    const pick = await list();
    await expect.poll(() => pick.selectedItems.map(({ label }) => label)).toEqual(['weights.pt']);
    expect(pick.items.at(-2)?.label).toBe('other files');
    pick.selectedItems = [pick.items[1]!, ...pick.selectedItems];
    pick.accept();
    expect(await answer).toEqual([checkpointFile(newer, 10), '/weights.pt']);
  });

  it('stays open with a number that cannot be compared, and says so', async () => {
    const answer = compared();
    const pick = await list();
    pick.selectedItems = pick.items.slice(1, 2);
    pick.accept();
    expect(editor.messages[0]?.text).toBe('Tick 2 to 4 checkpoints to compare; 1 is ticked.');
    expect(pick.shown).toBe(true);
    pick.hide();
    await expect(answer).rejects.toBeInstanceOf(Cancelled);
  });

  it('takes other files in, and keeps what is ticked', async () => {
    const answer = compared();
    const pick = await list();
    pick.selectedItems = pick.items.slice(1, 2);
    editor.choose('/a.pt', '/b.pt');
    pick.press('browse');
    await expect.poll(() => pick.selectedItems.length).toBe(3);
    pick.accept();
    expect(await answer).toEqual([checkpointFile(newer, 10), '/a.pt', '/b.pt']);
  });
});
