import { checkDataCommand } from './datasets/checkData';
import { exportCheckpointCommand, importCheckpointCommand } from './checkpoint/importExport';
import type { CommandDefinition } from './shared/command';
import { checkpointCommand, pauseCommand, resumeCommand, stopCommand } from './runs/control';
import { deleteRunCommand } from './runs/deleteRun';
import { evaluateCommand, showResultsCommand } from './results/evaluate';
import { compareWithScratchCommand, finetuneCommand } from './training/finetune';
import { refreshDevicesCommand, selectDeviceCommand } from './devices/selectDevice';
import { openRunFolderCommand, refreshRunsCommand, revealRunCommand, showLogCommand } from './runs/lookAtRun';
import { showCurvesCommand } from './curves/showCurves';
import { clearCacheCommand } from './datasets/clearCache';
import { makeSampleDatasetCommand } from './datasets/makeSampleDataset';
import { finetuneFromCommand } from './training/finetuneFrom';
import { newExperimentCommand } from './training/newExperiment';
import { pretrainCommand } from './training/pretrain';
import { segmentCommand } from './segment/segment';
import { convertCommand } from './volume/convert';

const showOutputCommand: CommandDefinition = {
  id: 'voco.showOutput',
  run: (services) => services.log.show(),
};

/** Commands of the palette; those that open a panel are registered with it. */
export const paletteCommands: readonly CommandDefinition[] = [
  newExperimentCommand,
  makeSampleDatasetCommand,
  checkDataCommand,
  pretrainCommand,
  finetuneCommand,
  finetuneFromCommand,
  compareWithScratchCommand,
  evaluateCommand,
  showResultsCommand,
  segmentCommand,
  convertCommand,
  pauseCommand,
  resumeCommand,
  checkpointCommand,
  stopCommand,
  showCurvesCommand,
  showLogCommand,
  openRunFolderCommand,
  revealRunCommand,
  deleteRunCommand,
  importCheckpointCommand,
  exportCheckpointCommand,
  refreshRunsCommand,
  selectDeviceCommand,
  refreshDevicesCommand,
  clearCacheCommand,
  showOutputCommand,
];
