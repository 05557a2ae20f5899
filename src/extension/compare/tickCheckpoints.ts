import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { RunSummary } from '../../jobs/runSummary';
import { dialogExtensions, WEIGHT_EXTENSIONS } from '../../files/weightFiles';
import { FEWEST_COMPARED, MOST_COMPARED } from '../../protocol/compare';
import { listCheckpoints } from '../../runs/checkpoint';
import type { Services } from '../services';
import { scoreTexts } from '../../jobs/runText';
import { plural } from '../../text';
import { plainItem, showWarning } from '../shared/notify';

/** Runs whose checkpoints are offered, the newest. */
const MOST_RUNS = 200;

/** How many checkpoints can be compared, in words. */
export const COMPARED = `${FEWEST_COMPARED} to ${MOST_COMPARED}`;

export const isComparable = (count: number): boolean => count >= FEWEST_COMPARED && count <= MOST_COMPARED;

const ticked = (count: number): string =>
  count === 0 ? 'none is ticked' : `${count} ${plural(count, 'is', 'are')} ticked`;

interface Choice extends vscode.QuickPickItem {
  readonly file?: string;
}

const BROWSE: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('folder-opened'),
  tooltip: 'Other files of weights…',
};

const separator = (label: string): Choice => ({ label, kind: vscode.QuickPickItemKind.Separator });

async function choicesOf(run: RunSummary): Promise<Choice[]> {
  const { checkpoints } = await listCheckpoints(run.dir).catch(() => ({ checkpoints: [] }));
  if (checkpoints.length === 0) return [];
  const kind = run.state.kind === 'finetune' ? 'fine-tuning' : 'pre-training';
  const items = checkpoints.map(({ file, step, metrics }) =>
    // The run is here too, since a search hides the separators.
    plainItem({ label: `step ${step}`, description: [run.label, ...scoreTexts(metrics)].join(' · '), file }),
  );
  return [separator(`${run.label}, ${kind}`), ...items.reverse()];
}

/** All checkpoints of the newest runs, and files that lie elsewhere. */
async function allChoices(services: Services, extra: readonly string[]): Promise<Choice[]> {
  const runs = services.registry.runs.filter(({ state }) => state.kind === 'pretrain' || state.kind === 'finetune');
  const choices = (await Promise.all(runs.slice(0, MOST_RUNS).map(choicesOf))).flat();
  const known = new Set(choices.map(({ file }) => file));
  const others = extra.filter((file) => !known.has(file));
  if (others.length === 0) return choices;
  return [
    ...choices,
    separator('other files'),
    ...others.map((file) => plainItem({ label: basename(file), description: file, file })),
  ];
}

async function browse(): Promise<string[]> {
  const filters = { Weights: dialogExtensions(WEIGHT_EXTENSIONS), 'All files': ['*'] };
  const picked = await vscode.window.showOpenDialog({ title: 'Compare which files?', canSelectMany: true, filters });
  return (picked ?? []).map((uri) => uri.fsPath);
}

/** A list of checkpoints with boxes. */
class CheckpointList {
  private readonly pick = vscode.window.createQuickPick<Choice>();
  private browsing = false;

  constructor(
    private readonly services: Services,
    private readonly first: readonly string[],
  ) {
    const { pick } = this;
    Object.assign(pick, { canSelectMany: true, matchOnDescription: true, ignoreFocusOut: true, buttons: [BROWSE] });
    pick.placeholder = 'Tick checkpoints of any runs';
    pick.onDidChangeSelection(() => this.say());
    pick.onDidTriggerButton(() => void this.addFiles());
  }

  /** The files ticked when the user accepts; undefined when the list is closed. */
  ask(): Promise<string[] | undefined> {
    const { pick } = this;
    return new Promise((resolve) => {
      pick.onDidAccept(() => {
        const files = this.files();
        if (!isComparable(files.length)) return this.refuse(files.length);
        resolve(files);
        pick.hide();
      });
      pick.onDidHide(() => {
        if (this.browsing) return;
        resolve(undefined);
        pick.dispose();
      });
      this.say();
      pick.show();
      void this.list(this.first);
    });
  }

  /** Those that were ticked at first come first, in their order. */
  private files(): string[] {
    const files = this.pick.selectedItems.flatMap(({ file }) => file ?? []);
    return [
      ...this.first.filter((file) => files.includes(file)),
      ...files.filter((file) => !this.first.includes(file)),
    ];
  }

  private async list(wanted: readonly string[]): Promise<void> {
    const { pick } = this;
    pick.busy = true;
    pick.items = await allChoices(this.services, wanted);
    pick.selectedItems = pick.items.filter(({ file }) => file !== undefined && wanted.includes(file));
    pick.busy = false;
    this.say();
  }

  private say(): void {
    this.pick.title = `Compare ${COMPARED} checkpoints: ${ticked(this.pick.selectedItems.length)}`;
  }

  private refuse(count: number): void {
    void showWarning(`Tick ${COMPARED} checkpoints to compare; ${ticked(count)}.`);
  }

  private async addFiles(): Promise<void> {
    const kept = this.files();
    this.browsing = true;
    const more = await browse();
    this.browsing = false;
    this.pick.show();
    await this.list([...kept, ...more]);
  }
}

/**
 * Lets the user tick 2 to 4 checkpoints; with another number the list stays open and says so.
 *
 * @param first those that are ticked at first
 * @returns undefined when the list was closed
 */
export function tickCheckpoints(services: Services, first: readonly string[]): Promise<string[] | undefined> {
  return new CheckpointList(services, first).ask();
}
