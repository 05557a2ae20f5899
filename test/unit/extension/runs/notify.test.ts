import { afterEach, beforeEach, expect, it } from 'vitest';
import { plainItem, showError, showWarning } from '../../../../src/extension/shared/notify';
import { withProgress } from '../../../../src/extension/shared/command';
import { refreshRunsCommand, showLogCommand } from '../../../../src/extension/runs/lookAtRun';
import { TestExtension } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';

const LINK = '[Resume](command:voco.resume)';
const SHOWN = '[Resume] (command:voco.resume)';

let extension: TestExtension;
beforeEach(() => {
  extension = new TestExtension([showLogCommand, refreshRunsCommand]);
});
afterEach(() => extension.dispose());

it('names in messages are no links', async () => {
  await showError(`${LINK} failed\u001b[0m`, 'Show Log');
  await showWarning('Delete?', { modal: true, detail: LINK }, 'Yes');
  await withProgress(`Stopping ${LINK}`, async (_, say) => say(LINK));
  expect(editor.messages).toEqual([
    { severity: 'error', text: `${SHOWN} failed\\u001b[0m`, buttons: ['Show Log'] },
    { severity: 'warning', text: 'Delete?', buttons: ['Yes'], modal: true, detail: SHOWN },
  ]);
  expect(editor.progress).toEqual([{ title: `Stopping ${SHOWN}`, reports: [SHOWN] }]);
});

it('names in lists draw no icons, but for the one that goes before them', () => {
  const item = { label: '$(pass) a\nb', description: '$(error) c', file: 'f' };
  expect(plainItem(item)).toEqual({ label: '$ (pass) a b', description: '$ (error) c', file: 'f' });
  expect(plainItem(item, 'archive').label).toBe('$(archive) $ (pass) a b');
});

it('a log is shown in a trusted folder only, whoever asks; what only looks is not refused', async () => {
  const dir = await extension.makeRun();
  extension.write(dir.slice(extension.folder.length + 1) + '/log.txt', 'hello');
  editor.trusted = false;
  await extension.run(showLogCommand, dir);
  expect(editor.shownDocuments).toEqual([]);
  expect(editor.messages.map(({ text }) => text)).toEqual([expect.stringMatching(/^This folder is not trusted/)]);
  await extension.run(refreshRunsCommand);
  expect(editor.messages).toHaveLength(1);
  editor.trusted = true;
  await extension.run(showLogCommand, dir);
  expect(editor.shownDocuments).toHaveLength(1);
});
