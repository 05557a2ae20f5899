import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

/** What a panel's page may do beyond running its own script and showing its own styles. */
export interface PageOptions {
  /** Name of the bundle in `dist/webview`. */
  readonly bundle: string;
  readonly title: string;
  /** Body of the page. */
  readonly body?: string;
  /** Further sources, for example `img-src data:`. */
  readonly policy?: readonly string[];
}

/** The page of a webview: one script and one style sheet of ours, nothing else (`default-src 'none'`). */
export function panelPage(webview: vscode.Webview, extension: vscode.Uri, options: PageOptions): string {
  const nonce = randomBytes(16).toString('base64');
  const resource = (file: string): string =>
    webview.asWebviewUri(vscode.Uri.joinPath(extension, 'dist', 'webview', file)).toString();
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`,
    ...(options.policy ?? []),
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${policy}" />
    <title>${options.title}</title>
    <link rel="stylesheet" href="${resource(`${options.bundle}.css`)}" />
  </head>
  <body>
    ${options.body ?? '<main id="app"></main>'}
    <script nonce="${nonce}" src="${resource(`${options.bundle}.js`)}"></script>
  </body>
</html>`;
}

/** Where a panel may load files from. */
export function panelRoots(extension: vscode.Uri): vscode.Uri[] {
  return [vscode.Uri.joinPath(extension, 'dist', 'webview')];
}

/** The icon of a panel's tab, for light and dark themes. */
export function tabIcon(extension: vscode.Uri): { light: vscode.Uri; dark: vscode.Uri } {
  const icon = (name: string): vscode.Uri => vscode.Uri.joinPath(extension, 'media', name);
  return { light: icon('tab-light.svg'), dark: icon('tab-dark.svg') };
}

/** The body of a page that belongs to a file, which the page remembers over a reload. */
export const bodyFor = (file: vscode.Uri): string =>
  `<main id="app" data-file="${encodeURI(file.fsPath).replaceAll('&', '&amp;')}"></main>`;
