import { checkData } from './datasets/checkData';
import { exportCheckpoint, importCheckpoint } from './checkpoint/importExport';
import type { CommandDefinition } from './shared/command';
import { checkpoint, pause, resume, stop } from './runs/control';
import { deleteRun } from './runs/deleteRun';
import { evaluate, showResults } from './results/evaluate';
import { compareWithScratch, finetune } from './training/finetune';
import { refreshDevices, selectDevice } from './devices/commands';
import { openRunFolder, revealRun, showCurves, showLog } from './runs/lookAtRun';
import { clearCache, refreshRuns, showOutput } from './runs/maintenance';
import { makeSampleDataset } from './datasets/makeSampleDataset';
import { newExperiment } from './config/newExperiment';
import { pretrain } from './training/pretrain';
import { segment } from './segment/segment';

/** Every command of the palette. */
export const commands: readonly CommandDefinition[] = [
  newExperiment,
  makeSampleDataset,
  checkData,
  pretrain,
  finetune,
  compareWithScratch,
  evaluate,
  showResults,
  segment,
  pause,
  resume,
  checkpoint,
  stop,
  showCurves,
  showLog,
  openRunFolder,
  revealRun,
  deleteRun,
  importCheckpoint,
  exportCheckpoint,
  refreshRuns,
  selectDevice,
  refreshDevices,
  clearCache,
  showOutput,
];
