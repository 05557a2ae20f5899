// Every pretext task in the workbench: from the palette to a run, its fine-tuning, and its panel with the network's answer. Some tasks
// stand for all; VOCO_FULL=1 (the long check) takes all of them.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { after, before } from 'node:test';
import { finetuning, killTrainers, runStates, voco, writeConfig } from './samples.mjs';
import {
  answer,
  clearNotifications,
  eventually,
  openFile,
  openWorkbench,
  pick,
  runCommand,
  scenarios,
  screenshot,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
} from './workbench.mjs';

/** Tasks by the network of their demo, and what their panel is to show as an answer (that of VoCo: crops.test.mjs). */
const TASKS = {
  voco: { network: 'unet3d', preset: 'demo-unet' },
  mae: { network: 'unet3d', answered: '[data-picture="Restored"]' },
  genesis: { network: 'unet3d', answered: '[data-picture="Restored"]' },
  'volume-fusion': { network: 'unet3d', answered: '.picture' },
  rotation: { network: 'unet3d', answered: '.bars .right' },
  'rotate-restore': { network: 'unet3d', answered: '[data-picture="Restored"]' },
  jigsaw: { network: 'unet3d', answered: '.class-grid .right' },
  position: { network: 'unet3d', answered: 'p' },
  simclr: { network: 'unet3d', answered: '.bars .right' },
  spark: { network: 'unet3d', answered: '[data-picture="Restored"]' },
  simmim: { network: 'swin-unetr', answered: '[data-picture="Restored"]' },
  'swin-ssl': { network: 'unet3d', answered: '[data-picture="View 2 restored"]' },
};
const SOME = ['mae', 'simmim', 'swin-ssl'];
const names = process.env.VOCO_FULL === '1' ? Object.keys(TASKS) : SOME;
/** More steps than the test needs give pictures that are worth looking at. */
const STEPS = Number(process.env.VOCO_STEPS ?? 3);

let server, browser, page;
const open = async () => (page = await openWorkbench(browser, server.url(), { width: 1500, height: 1100 }));
const test = scenarios(() => ({ page, server }), open);

const organs = (network) =>
  finetuning({
    name: `organs-${network}`,
    network: { name: network, featureSize: network === 'unet3d' ? 8 : 12 },
    crops: { size: [32, 32, 64], perVolume: 1 },
    train: { steps: 1, validateEvery: 9, checkpointEvery: 9 },
  });

before(async () => {
  server = await startServer();
  voco(server, 'phantom', '--out', join(server.folder, 'sample'), '--cases', '4', '--size', '96,96,64');
  for (const network of ['unet3d', 'swin-unetr']) writeConfig(server, `organs-${network}`, organs(network));
  browser = await startBrowser();
  await open();
});
after(async () => {
  killTrainers(server);
  await browser?.close();
  await server?.stop();
});

/** The run of a config, once it has ended well. */
const finished = (name, kind) =>
  eventually(() => {
    const run = runStates(server).find((one) => one.name === name && one.kind === kind);
    assert.notEqual(run?.state, 'failed', run?.exitReason);
    return run?.state === 'finished' && run;
  }, `the end of ${name}`);

/** A config of a task's demo by New Experiment, cut to a few steps. */
async function newExperiment(task, preset = `${task}-demo`) {
  await runCommand(page, 'VoCo: New Experiment');
  const title = page.locator('.quick-input-title');
  await title.filter({ hasText: 'what is to be trained' }).waitFor();
  await pick(page, new RegExp(`^${task}`));
  await title.filter({ hasText: '2 of 5' }).waitFor();
  await pick(page, new RegExp(`^${preset}`));
  await title.filter({ hasText: '3 of 5' }).waitFor();
  await pick(page, 'as in the preset');
  await title.filter({ hasText: '4 of 5' }).waitFor();
  await pick(page, 'sample/dataset_0.json');
  await title.filter({ hasText: '5 of 5' }).waitFor();
  await answer(page, `own-${task}`);
  const file = join(server.folder, `own-${task}.voco.json`);
  await eventually(() => existsSync(file), 'the config');
  await page.locator('.tab', { hasText: `own-${task}.voco.json` }).waitFor();
  const text = readFileSync(file, 'utf8');
  assert.match(text, new RegExp(`"name": "${task}"`));
  writeFileSync(file, short(text));
}

/** The text of a config with a few steps, and one checkpoint. */
const short = (text) =>
  text.replace(/"steps": \d+/, `"steps": ${STEPS}`).replace(/"checkpointEvery": \d+/, '"checkpointEvery": 1000');

/** The run of a task: the one that is there, else one by the command line. */
async function pretrained(task) {
  const name = `own-${task}`;
  if (!runStates(server).some((run) => run.name === name)) {
    const file = join(server.folder, `${name}.voco.json`);
    if (!existsSync(file)) {
      const data = join(server.folder, 'sample/dataset_0.json');
      voco(server, 'init', file, '--task', task, '--preset', 'demo', '--data', data);
      writeFileSync(file, short(readFileSync(file, 'utf8')).replace(`"name": "${task}-demo"`, `"name": "${name}"`));
    }
    voco(server, 'pretrain', file);
  }
  return finished(name, 'pretrain');
}

for (const [task, { network, preset, answered }] of Object.entries(TASKS).filter(([task]) => names.includes(task))) {
  const name = `own-${task}`;

  test(`${task} is set up, pre-trained and fine-tuned from the palette`, async () => {
    await newExperiment(task, preset);
    await runCommand(page, 'VoCo: Pre-train');
    const { dir } = await finished(name, 'pretrain');
    await clearNotifications(page);
    await openFile(page, `organs-${network}.voco.json`);
    await runCommand(page, 'VoCo: Fine-tune');
    await page.locator('.quick-input-widget', { hasText: 'Start from which pre-trained weights?' }).waitFor();
    await pick(page, new RegExp(`${name}-\\d`));
    const tuned = await eventually(() => {
      const run = runStates(server).find(({ kind, initFrom }) => kind === 'finetune' && initFrom?.startsWith(dir));
      assert.notEqual(run?.state, 'failed', run?.exitReason);
      return run?.state === 'finished' && run;
    }, `the fine-tuning from ${name}`);
    const { loaded } = JSON.parse(readFileSync(join(tuned.dir, 'init.json'), 'utf8'));
    assert.ok(loaded.length > 5, `${loaded.length} tensors`);
    await clearNotifications(page);
  });

  if (!answered) continue;

  test(`${task} shows what goes in, what is asked and what its network answers`, async () => {
    await pretrained(task);
    await runCommand(page, 'View: Close All Editors');
    await openFile(page, `${name}.voco.json`);
    await runCommand(page, 'VoCo: Preview Crops');
    const frame = await webview(page, '#app[data-drawn="true"]');
    const choices = frame.locator('#checkpoint');
    const own = choices
      .locator('option')
      .filter({ hasText: `${name}-` })
      .last();
    await own.waitFor({ state: 'attached' });
    assert.equal(await choices.locator('option').filter({ hasText: `own-` }).count(), 1, 'no other task is offered');
    await choices.selectOption(await own.getAttribute('value'));
    await frame.locator('#network[data-answered="true"]').waitFor();
    await frame.locator(`#answered ${answered}`).first().waitFor();
    assert.equal(await frame.locator('#network-note').innerText(), '');
    const heads = await frame.locator('.crops h2').allInnerTexts();
    assert.deepEqual(heads.slice(0, 2), ['Cut from the volume', 'Goes in']);
    assert.equal(heads.at(-1), 'Answered');
    const pictures = await frame
      .locator('.crops canvas')
      .evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')));
    assert.ok(pictures.length >= 6 && pictures.every((label) => /across [xyz]$/.test(label)), pictures.join());
    await screenshot(page, `preview-${task}-place`);
    await frame.locator('.crops').evaluate((node) => node.scrollIntoView());
    if (task === SOME[0]) await screenshotInThemes(page, `preview-${task}`);
    else await screenshot(page, `preview-${task}`);
    await page.setViewportSize({ width: 820, height: 1100 });
    await eventually(() => frame.locator('#app').evaluate(() => innerWidth < 420), 'a narrow panel');
    const wide = await frame.locator('#app').evaluate((app) => app.scrollWidth - app.clientWidth);
    assert.equal(wide, 0, 'nothing is cut off on the right');
    await screenshot(page, `preview-${task}-narrow`);
    await page.setViewportSize({ width: 1500, height: 1100 });
  });
}
