import * as vscode from 'vscode';
import { withoutLinks } from '../../text';

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
