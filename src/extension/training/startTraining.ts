import * as vscode from 'vscode';
import { loadConfig, type Config, type ConfigKind } from '../../config';
import type { RunKind } from '../../runs/runDirectory';
import { saveConfig } from '../config/pickConfig';
import { refuseWithErrors } from '../config/refuseWithErrors';
import type { Services } from '../services';
import { Cancelled } from '../shared/command';
import { settingOverrides } from '../shared/settings';
import { submitJob } from '../shared/submit';
import { showWarning } from '../shared/notify';

const COMMANDS: Record<ConfigKind, { readonly title: string; readonly command: string; readonly noun: string }> = {
  pretrain: { title: 'Pre-train', command: 'voco.pretrain', noun: 'pre-training' },
  finetune: { title: 'Fine-tune', command: 'voco.finetune', noun: 'fine-tuning' },
};

/** Offers the command that a config is for. @throws Cancelled when it is for another one. */
function refuseOtherKind(config: vscode.Uri, found: ConfigKind, kind: ConfigKind): void {
  if (found === kind) return;
  const { title, command, noun } = COMMANDS[found];
  const name = config.path.split('/').at(-1)!;
  void showWarning(`${name} is a config for ${noun}.`, title).then((choice) => {
    if (choice === title) void vscode.commands.executeCommand(command, config);
  });
  throw new Cancelled();
}

export interface TrainingOptions {
  /** Further `path=value` overrides, asked for once the config is known to be right. */
  readonly overrides?: (config: Config) => Promise<readonly string[]>;
  /** What is done with the config, where that is not what its kind says. */
  readonly job?: RunKind;
}

/**
 * Starts a training with a config, after it has been saved and checked.
 *
 * @returns the run directory
 * @throws Cancelled when the config is wrong or of another kind, which the user has been told by then
 */
export async function startTraining(
  services: Services,
  config: vscode.Uri,
  kind: ConfigKind,
  { overrides = () => Promise.resolve([]), job = kind }: TrainingOptions = {},
): Promise<string> {
  await saveConfig(config);
  await refuseWithErrors(config);
  const read = await loadConfig(config.fsPath);
  refuseOtherKind(config, read.config.kind, kind);
  const set = [...settingOverrides(), ...(await overrides(read.config))];
  const loaded = await loadConfig(config.fsPath, { set });
  return submitJob(services, { kind: job, config: loaded.config, configFile: config.fsPath });
}
