import { beforeEach, describe, expect, it, vi } from 'vitest';
import type * as vscode from 'vscode';
import { PanelPage, type PanelHost } from '../../../../src/extension/panel/page';
import { Panels, type OpenPanel } from '../../../../src/extension/panel/panels';
import { atMostEvery, whenQuiet } from '../../../../src/extension/panel/timing';
import { UserError } from '../../../../src/errors/userError';
import { editor } from '../../../support/vscode/editor';
import { WebviewPanel } from '../../../support/vscode/panel';
import { Uri } from '../../../support/vscode/values';

type Contract = {
  calls: { double: { params: { n: number }; result: number } };
  events: { changed: string };
};

const errors: string[] = [];
const host = {
  context: { extensionUri: Uri.file('/extension') },
  log: { error: (text: string) => errors.push(text) },
} as unknown as PanelHost;
const ended: string[] = [];

class FilePanel implements OpenPanel<string> {
  readonly page: PanelPage;
  readonly server;
  asked = 0;

  constructor(
    panel: vscode.WebviewPanel,
    private readonly file: string,
  ) {
    this.page = new PanelPage(host, panel, { bundle: 'files', title: 'Files', tabTitle: file, icon: true });
    this.page.own({ dispose: () => ended.push(file) });
    this.server = this.page.serve<Contract>({
      double({ n }) {
        if (n < 0) throw new UserError('n must not be negative');
        if (n === 0) throw new RangeError('a defect');
        return 2 * n;
      },
    });
  }

  shows(file: string): boolean {
    return file === this.file;
  }

  again(): void {
    this.asked += 1;
    this.page.panel.reveal();
  }
}

const made: FilePanel[] = [];
let panels: Panels<string, { file: string }>;
beforeEach(() => {
  editor.reset();
  for (const list of [errors, ended, made]) list.length = 0;
  panels = new Panels<string, { file: string }>({
    viewType: 'voco.files',
    title: 'Files',
    where: () => 1,
    make: (panel, file) => {
      const one = new FilePanel(panel, file);
      made.push(one);
      return one;
    },
    restore: (state) => state?.file,
  });
});

describe('the panels of a kind', () => {
  it('are one for each thing that is shown; a closed one is made anew', () => {
    panels.show('a');
    panels.show('b');
    panels.show('a');
    expect(editor.panels.map(({ title }) => title)).toEqual(['a', 'b']);
    expect(made.map(({ asked }) => asked)).toEqual([1, 0]);
    expect(editor.panels[0]?.revealed).toBe(1);
    editor.panels[0]!.dispose();
    expect(ended).toEqual(['a']);
    panels.show('a');
    expect(editor.panels.map(({ title }) => title)).toEqual(['a', 'b', 'a']);
  });

  it('come back in a window that is reloaded, but for those of which nothing is remembered', async () => {
    const { deserializeWebviewPanel } = editor.serializers.get('voco.files')!;
    const [kept, lost] = [new WebviewPanel('voco.files', ''), new WebviewPanel('voco.files', '')];
    await deserializeWebviewPanel.call(panels, kept, { file: 'a' });
    await deserializeWebviewPanel.call(panels, lost, undefined);
    expect([kept.disposed, lost.disposed]).toEqual([false, true]);
    panels.show('a');
    expect(kept.revealed).toBe(1);
    expect(editor.panels).toEqual([]);
    panels.dispose();
    expect(editor.serializers.size).toBe(0);
  });
});

describe('a page', () => {
  it('may run its own script and load its own style, nothing else', () => {
    panels.show('a');
    const { webview, iconPath } = editor.panels[0]!;
    const nonce = /script-src 'nonce-([^']+)'/.exec(webview.html)?.[1];
    expect(webview.html).toContain(`<script nonce="${nonce}" src="file:///extension/dist/webview/files.js">`);
    expect(webview.html).toContain(`default-src 'none'`);
    expect(webview.options).toEqual({
      enableScripts: true,
      localResourceRoots: [Uri.file('/extension/dist/webview')],
    });
    expect(iconPath).toMatchObject({ light: Uri.file('/extension/media/tab-light.svg') });
  });

  it('gets an answer to each call, an error included, and events once it has called', async () => {
    panels.show('a');
    const panel = editor.panels[0]!;
    made[0]!.server.send('changed', 'too early');
    panel.call(1, 'double', { n: 4 });
    panel.call(2, 'double', { n: -1 });
    panel.call(3, 'double', { n: 0 });
    panel.call(4, 'toString', {});
    await expect.poll(() => panel.sent).toHaveLength(4);
    made[0]!.server.send('changed', 'in time');
    const answers = panel.sent as { id?: number }[];
    const answerTo = (id: number) => answers.find((one) => one.id === id);
    expect(answerTo(1)).toMatchObject({ ok: true, value: 8 });
    expect(answerTo(2)).toMatchObject({ ok: false, error: { user: true, message: 'n must not be negative' } });
    expect(answerTo(3)).toMatchObject({ ok: false, error: { user: false, message: 'a defect' } });
    expect(answerTo(4)).toMatchObject({ ok: false, error: { user: false } });
    expect(answers.filter(({ id }) => id === undefined)).toMatchObject([{ value: 'in time' }]);
    expect(errors).toHaveLength(2);
  });

  it('is not answered any more when it is closed', () => {
    panels.show('a');
    const panel = editor.panels[0]!;
    panel.dispose();
    panel.call(1, 'double', { n: 4 });
    expect(panel.sent).toEqual([]);
  });
});

describe('work that is asked for often', () => {
  it('is done once in a while, or when it has been quiet', () => {
    vi.useFakeTimers();
    const often: number[] = [];
    const quiet: number[] = [];
    const start = Date.now();
    const [a, b] = [
      atMostEvery(100, () => often.push(Date.now() - start)),
      whenQuiet(100, () => quiet.push(Date.now() - start)),
    ];
    for (let at = 0; at < 250; at += 50) {
      a();
      b();
      vi.advanceTimersByTime(50);
    }
    vi.advanceTimersByTime(1000);
    expect(often).toEqual([100, 200, 300]);
    expect(quiet).toEqual([300]);
    a();
    b();
    a.dispose();
    b.dispose();
    vi.advanceTimersByTime(1000);
    expect([often.length, quiet.length]).toEqual([3, 1]);
    vi.useRealTimers();
  });
});
