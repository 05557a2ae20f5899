import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { loadConfig } from '../../config';
import type { RunSummary } from '../../jobs/runSummary';
import { bestCheckpoint } from '../../runs/checkpoint';
import type { Services } from '../services';
import type { CommandDefinition } from '../shared/command';
import { checkpointOf } from '../checkpoint/pickCheckpoint';
import { pickRun, runDirOf } from '../runs/pickRun';
import { settingOverrides } from '../shared/settings';
import { submitJob } from '../shared/submit';
import { runFiles } from '../../runs/files';

const hasWeights = ({ state }: RunSummary): boolean => state.kind === 'finetune' && state.step > 0;

/** The fine-tuning that a menu or config names, or the one the user picks. */
async function pickFinetuning(services: Services, argument: unknown): Promise<RunSummary> {
  const config = argument instanceof vscode.Uri ? argument.fsPath : undefined;
  const ofConfig = (run: RunSummary): boolean => config === undefined || run.state.configFile === config;
  return pickRun(services, config === undefined ? argument : undefined, {
    title: 'Evaluate which fine-tuning?',
    suits: (run) => hasWeights(run) && ofConfig(run),
    none: 'There is no fine-tuning with a checkpoint to evaluate yet.',
  });
}

/** Starts the evaluation of a checkpoint as a run of its own. @returns its run directory */
export async function startEvaluation(services: Services, runDir: string, checkpoint?: string): Promise<string> {
  const file = checkpoint ?? (await bestCheckpoint(runDir)).file;
  const configFile = runFiles(runDir).config;
  const { config } = await loadConfig(configFile, { set: settingOverrides(), kind: 'finetune' });
  return submitJob(services, { kind: 'evaluate', config, configFile, initFrom: file, args: ['--checkpoint', file] });
}

/** “Evaluate”: scores the best checkpoint of a fine-tuning, or the one that a menu belongs to, and shows the results. */
export const evaluateCommand: CommandDefinition = {
  id: 'voco.evaluate',
  async run(services, argument) {
    const checkpoint = checkpointOf(argument);
    const runDir =
      checkpoint === undefined ? (await pickFinetuning(services, argument)).dir : dirname(dirname(checkpoint));
    const dir = await startEvaluation(services, runDir, checkpoint);
    services.results.show(dir);
    services.walkthrough.done('results');
    return dir;
  },
};

/** “Show Results”: of the run that a menu names, or of the newest that has some. */
export const showResultsCommand: CommandDefinition = {
  id: 'voco.showResults',
  async run(services, argument) {
    const found = services.finder.start().then(() => {
      if (services.registry.runs.some(({ state }) => state.kind !== 'pretrain')) services.walkthrough.done('results');
    });
    if (argument instanceof vscode.Uri) {
      await found;
      const own = services.registry.runs.find(({ state }) => state.configFile === argument.fsPath && state.step > 0);
      return services.results.show(own?.dir);
    }
    return services.results.show(runDirOf(services, argument));
  },
};
