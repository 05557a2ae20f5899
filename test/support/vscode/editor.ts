// The editor of a test: what its user answers, what was shown to the user, and what was asked of the editor.
import type { WebviewPanel } from './panel';
import {
  EventEmitter,
  QuickPickItemKind,
  type TabInputCustom,
  type TabInputText,
  type TextDocument,
  type TreeItem,
  type Uri,
} from './values';

export type Severity = 'information' | 'warning' | 'error';

export interface Serializer {
  deserializeWebviewPanel(panel: WebviewPanel, state: unknown): Promise<void>;
}

export interface Message {
  readonly severity: Severity;
  readonly text: string;
  readonly buttons: readonly string[];
  readonly detail?: string | undefined;
  readonly modal?: boolean | undefined;
}

export interface QuickItem {
  readonly label: string;
  readonly description?: string;
  readonly detail?: string;
  readonly kind?: number;
}

/** What a view of the side bar shows. */
export interface TreeProvider {
  getChildren(node?: unknown): Promise<unknown[]>;
  getTreeItem(node: unknown): TreeItem;
}

export interface InputOptions {
  readonly title?: string;
  readonly value?: string;
  readonly validateInput?: (value: string) => unknown;
}

/** A question in a dialog, as the user saw it. */
export interface Question {
  readonly title: string;
  readonly labels: readonly string[];
}

/** One window of an editor with one user. Each test makes a new one by `reset`. */
export class Editor {
  messages: Message[] = [];
  statusMessages: string[] = [];
  questions: Question[] = [];
  /** Of the items of each list that was shown. */
  descriptions: (string | undefined)[][] = [];
  /** Titles and reports of notifications of progress. */
  progress: { readonly title: string; readonly reports: string[] }[] = [];
  executed: (readonly [command: string, ...args: unknown[]])[] = [];
  shownDocuments: { readonly document: TextDocument; selection?: unknown }[] = [];
  folder: Uri | undefined;
  trusted = true;
  /** Whether the system has a trash. */
  trash = true;
  settings: Record<string, unknown> = {};
  documents: TextDocument[] = [];
  activeTab: TabInputText | TabInputCustom | undefined;
  activeDocument: TextDocument | undefined;
  /** Presses Cancel on notifications of progress with such a title. */
  cancels: RegExp | undefined;
  panels: WebviewPanel[] = [];
  readonly trees = new Map<string, TreeProvider>();
  readonly serializers = new Map<string, Serializer>();
  readonly commands = new Map<string, (...args: unknown[]) => unknown>();
  readonly saved = new EventEmitter<TextDocument>();
  readonly changed = new EventEmitter<{ readonly document: TextDocument }>();
  readonly trustGranted = new EventEmitter<void>();
  private pressing: string | undefined;
  private readonly picks: (string | RegExp)[] = [];
  private readonly texts: string[] = [];
  private readonly opened: (readonly string[])[] = [];
  private readonly targets: string[] = [];
  private readonly presses: string[] = [];

  /** A new window with a folder, or with none. */
  reset(folder?: Uri): void {
    const { saved, changed, trustGranted, commands, serializers } = this;
    commands.clear();
    serializers.clear();
    Object.assign(this, new Editor(), { saved, changed, trustGranted, commands, serializers, folder });
  }

  /** The user picks the item of the next list whose label is this, or matches. */
  pick(label: string | RegExp): void {
    this.picks.push(label);
  }

  /** The user enters this into the next input box. */
  enter(text: string): void {
    this.texts.push(text);
  }

  /** The user chooses these files in the next dialog. */
  choose(...files: string[]): void {
    this.opened.push(files);
  }

  saveAs(file: string): void {
    this.targets.push(file);
  }

  /** The user presses this button of the next message that has it; messages before that are closed. */
  press(button: string): void {
    this.presses.push(button);
  }

  /** How many of the answers no dialog asked for. */
  get unusedAnswers(): number {
    const { picks, texts, opened, targets, presses, pressing } = this;
    return [...picks, ...texts, ...opened, ...targets, ...presses].length + (pressing === undefined ? 0 : 1);
  }

  showMessage(severity: Severity, text: string, rest: readonly unknown[]): string | undefined {
    const [first] = rest;
    const options = typeof first === 'object' && first !== null ? (first as { detail?: string; modal?: boolean }) : {};
    const buttons = rest.filter((one): one is string => typeof one === 'string');
    this.messages.push({ severity, text, buttons, ...options });
    this.pressing ??= this.presses.shift();
    if (this.pressing === undefined || !buttons.includes(this.pressing)) return undefined;
    const pressed = this.pressing;
    this.pressing = undefined;
    return pressed;
  }

  pickFrom<T extends QuickItem>(items: readonly T[], title = ''): T | undefined {
    const choices = items.filter((item) => item.kind !== QuickPickItemKind.Separator);
    this.questions.push({ title, labels: choices.map(({ label }) => label) });
    this.descriptions.push(choices.map(({ description }) => description));
    const wanted = this.picks.shift();
    if (wanted === undefined) return undefined;
    const found = choices.find(({ label }) => (typeof wanted === 'string' ? label === wanted : wanted.test(label)));
    if (!found)
      throw new Error(`"${title}" offers no ${String(wanted)}, only ${choices.map(({ label }) => label).join(', ')}`);
    return found;
  }

  input({ title = '', value = '', validateInput }: InputOptions): string | undefined {
    this.questions.push({ title, labels: [value] });
    const text = this.texts.shift();
    const problem = text === undefined ? undefined : validateInput?.(text);
    if (problem) throw new Error(`"${title}" does not take ${String(text)}: ${String(problem)}`);
    return text;
  }

  chooseFiles(title = ''): readonly string[] | undefined {
    this.questions.push({ title, labels: [] });
    return this.opened.shift();
  }

  chooseTarget(suggested = ''): string | undefined {
    this.questions.push({ title: 'save', labels: [suggested] });
    return this.targets.shift();
  }
}

export const editor = new Editor();
