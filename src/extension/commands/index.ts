import { checkData } from './checkData';
import { exportCheckpoint, importCheckpoint } from './checkpoints';
import type { CommandDefinition } from './command';
import { checkpoint, pause, resume, stop } from './control';
import { deleteRun } from './deleteRun';
import { evaluate, showResults } from './evaluate';
import { compareWithScratch, finetune } from './finetune';
import { refreshDevices, selectDevice } from './devices';
import { openRunFolder, revealRun, showCurves, showLog } from './lookAtRun';
import { clearCache, refreshRuns, showOutput } from './maintenance';
import { makeSampleDataset } from './makeSampleDataset';
import { newExperiment } from './newExperiment';
import { pretrain } from './pretrain';
import { segment } from './segment';

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
