import * as vscode from 'vscode';
import { withoutIcons, withoutLinks } from '../../text';

/**
 * Messages of the editor. Their texts hold names of files, runs and cases, which anyone may have written: they are shown as they
 * are, and nothing in them becomes a link.
 */
type Show = (text: string, ...rest: (vscode.MessageOptions | string)[]) => Thenable<string | undefined>;

const plainly =
  (show: (text: string, options: vscode.MessageOptions, ...buttons: string[]) => Thenable<string | undefined>): Show =>
  (text, ...rest) => {
    const buttons = rest.filter((one) => typeof one === 'string');
    const { detail, ...options } = rest.find((one) => typeof one !== 'string') ?? {};
    const shown = { ...options, ...(detail !== undefined && { detail: withoutLinks(detail) }) };
    return show(withoutLinks(text), shown, ...buttons);
  };

export const showInfo = plainly((...all) => vscode.window.showInformationMessage(...all));
export const showWarning = plainly((...all) => vscode.window.showWarningMessage(...all));
export const showError = plainly((...all) => vscode.window.showErrorMessage(...all));

/** An entry of a list whose texts come from files: nothing in them is drawn as an icon. `icon` names one of the editor's. */
export function plainItem<T extends vscode.QuickPickItem>(item: T, icon?: string): T {
  const plain = (text: string | undefined): string | undefined => text && withoutIcons(text);
  const label = icon === undefined ? plain(item.label) : `$(${icon}) ${plain(item.label)}`;
  const { description, detail } = item;
  return {
    ...item,
    label,
    ...(description !== undefined && { description: plain(description) }),
    ...(detail !== undefined && { detail: plain(detail) }),
  };
}
