import * as vscode from 'vscode';
import type { ListedDevice } from '../../protocol/devices';
import type { Services } from '../services';
import { chosenDevice } from '../shared/settings';
import { formatBytes } from '../../text';

interface DeviceNode {
  readonly device: ListedDevice;
}

function deviceItem({ device }: DeviceNode): vscode.TreeItem {
  const item = new vscode.TreeItem(device.name, vscode.TreeItemCollapsibleState.None);
  const chosen = chosenDevice() === device.name;
  const memory = device.memoryBytes === undefined ? undefined : formatBytes(device.memoryBytes);
  item.id = device.name;
  item.description = device.usable
    ? [device.description, memory].filter(Boolean).join(' · ')
    : `not usable: ${device.reason ?? ''}`;
  item.iconPath = new vscode.ThemeIcon(chosen ? 'check' : device.usable ? 'chip' : 'circle-slash');
  item.contextValue = device.usable ? 'device' : 'device.unusable';
  item.tooltip = [device.description, device.reason].filter(Boolean).join('\n');
  if (device.usable) {
    item.command = { command: 'voco.selectDevice', title: 'Train on this device', arguments: [{ device }] };
  }
  return item;
}

/** The devices of this machine; empty until they are looked for, since that starts a process. */
export function createDevicesView({ devices }: Services): vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  const view = vscode.window.createTreeView<DeviceNode>('voco.devices', {
    treeDataProvider: {
      onDidChangeTreeData: changed.event,
      getChildren: (node?: DeviceNode) => (node ? [] : (devices.current ?? []).map((device) => ({ device }))),
      getTreeItem: deviceItem,
    },
  });
  return vscode.Disposable.from(
    changed,
    view,
    devices.onDidChange(() => changed.fire()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('voco.device')) changed.fire();
    }),
  );
}
