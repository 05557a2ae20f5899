// Every command as a new user meets it: from the palette, without arguments, in a folder with nothing in it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { outcomeOf, putAway } from './outcomes.mjs';
import { extensionLog, openWorkbench, root, scenarios, startBrowser, startServer } from './workbench.mjs';

const { contributes } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const hidden = contributes.menus.commandPalette.filter(({ when }) => when === 'false').map(({ command }) => command);
const offered = contributes.commands.filter(({ command }) => !hidden.includes(command));

let server, browser, page;
const open = async () => (page = await openWorkbench(browser, server.url()));
const test = scenarios(() => ({ page, server }), open);

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  await open();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What a command that needs something tells where there is nothing. */
const EXPECTED = {
  'Pre-train': { question: /New Experiment/ },
  'Check Data': { question: /New Experiment/ },
  'Estimate Memory, Disk and Time': { question: /New Experiment/ },
  'Stop Run': { toasts: /There are no runs in this folder yet/, buttons: /Pre-train/ },
  'Show Loss Curves': { tabs: /Loss curves/ },
  'Select Device…': { question: /What the config says/ },
  'Look for Devices': { opened: /Devices/ },
  'Refresh Runs': { view: /Runs/ },
  'Clear Cache…': { toasts: /is empty/ },
};

test('every command leads to a question, a message or something to look at', async () => {
  const wrong = [];
  for (const { title } of offered) {
    const outcome = await outcomeOf(page, `VoCo: ${title}`);
    if (process.env.VOCO_SHOW_OUTCOMES) console.log(`${title}: ${JSON.stringify(outcome)}`);
    const { buttons: _, ...seen } = outcome;
    if (Object.keys(seen).length === 0) wrong.push(`${title}: nothing happens`);
    if (outcome.toasts?.some((text) => text.includes('internal error'))) wrong.push(`${title}: ${outcome.toasts}`);
    for (const [kind, pattern] of Object.entries(EXPECTED[title] ?? {})) {
      if (!pattern.test(String(outcome[kind]))) wrong.push(`${title}: ${kind} is ${outcome[kind]}, not ${pattern}`);
    }
    await putAway(page);
  }
  assert.deepEqual(wrong, []);
  assert.doesNotMatch(extensionLog(server), / \[error\] /);
});

test('without a folder, commands say that one is needed and offer to open it', async () => {
  await page.context().close();
  page = await openWorkbench(browser, server.url().replace(/\?.*$/, '?ew=true'));
  for (const title of ['Pre-train', 'Make Sample Dataset…', 'New Experiment…', 'Stop Run']) {
    const { toasts, buttons } = await outcomeOf(page, `VoCo: ${title}`);
    assert.match(String(toasts), /Open a folder first/, title);
    assert.match(String(buttons), /Open Folder/, title);
    await putAway(page);
  }
});
