import type * as vscode from 'vscode';

/** What a page with a volume viewer may load: the font and textures of its 3-D rendering are data URLs. */
export const viewerPolicy = (webview: vscode.Webview): readonly string[] => [
  'img-src data:',
  `connect-src ${webview.cspSource} data:`,
];
