import { afterEach, beforeEach, expect, it } from 'vitest';
import { selectDeviceCommand } from '../../../../src/extension/devices/selectDevice';
import { TestExtension } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';

let extension: TestExtension;
beforeEach(() => {
  extension = new TestExtension([selectDeviceCommand]);
  const devices = [
    { name: 'onednn', usable: true, description: 'CPU' },
    { name: 'webgpu', usable: false, reason: 'no adapter' },
  ];
  extension.answer({ devices: { output: JSON.stringify(devices) } });
});
afterEach(() => extension.dispose());

it('offers the devices that can be used, and the choice of the config', async () => {
  editor.pick('onednn');
  await extension.run(selectDeviceCommand);
  expect(editor.settings.device).toBe('onednn');
  expect(editor.statusMessages).toEqual(['VoCo: new runs train on onednn']);
  editor.pick('What the config says');
  await extension.run(selectDeviceCommand);
  expect(editor.questions.map(({ labels }) => labels)).toEqual([
    ['$(check) What the config says', 'onednn'],
    ['What the config says', '$(check) onednn'],
  ]);
  expect(editor.settings.device).toBe('');
  // The devices are looked for once.
  expect(extension.calls).toEqual([['devices', '--json']]);
});

it('takes the device of a row, and changes nothing when the list is closed', async () => {
  await extension.run(selectDeviceCommand, { device: { name: 'cpu' } });
  expect(editor.settings.device).toBe('cpu');
  await extension.run(selectDeviceCommand);
  expect(editor.settings.device).toBe('cpu');
});

it('shows why the devices cannot be listed, and looks again the next time', async () => {
  extension.answer({ devices: { messages: 'the addon cannot be loaded\n', code: 1 } });
  await extension.run(selectDeviceCommand);
  expect(editor.messages).toMatchObject([
    { severity: 'error', text: 'the devices cannot be listed: the addon cannot be loaded' },
  ]);
  await extension.run(selectDeviceCommand);
  expect(extension.calls).toHaveLength(2);
});
