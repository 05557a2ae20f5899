import * as vscode from 'vscode';
import { Cancelled, withProgress, type CommandDefinition } from '../shared/command';

const FROM_CONFIG = 'What the config says';

export const refreshDevicesCommand: CommandDefinition = {
  id: 'voco.refreshDevices',
  async run(services) {
    const devices = await withProgress('Looking for devices', (signal) => services.devices.refresh(signal));
    await vscode.commands.executeCommand('voco.devices.focus');
    return devices;
  },
};

export const selectDeviceCommand: CommandDefinition = {
  id: 'voco.selectDevice',
  async run(services, argument) {
    const settings = vscode.workspace.getConfiguration('voco');
    const given = (argument as { device?: { name: string } } | undefined)?.device?.name;
    const name = given ?? (await askDevice());
    const { Global, Workspace } = vscode.ConfigurationTarget;
    await settings.update('device', name, vscode.workspace.workspaceFolders ? Workspace : Global);
    vscode.window.setStatusBarMessage(`VoCo: new runs train on ${name || 'the device of their config'}`, 5000);

    async function askDevice(): Promise<string> {
      const devices = await withProgress('Looking for devices', (signal) => services.devices.list(signal));
      const chosen = settings.get<string>('device') ?? '';
      const mark = (value: string): string => (value === chosen ? '$(check) ' : '');
      const items = [
        { label: `${mark('')}${FROM_CONFIG}`, detail: 'The key "device" of each config', value: '' },
        ...devices
          .filter((device) => device.usable)
          .map(({ name: value, description }) => ({
            label: `${mark(value)}${value}`,
            detail: description ?? '',
            value,
          })),
      ];
      const choice = await vscode.window.showQuickPick(items, { title: 'New runs train on which device?' });
      if (!choice) throw new Cancelled();
      return choice.value;
    }
  },
};
