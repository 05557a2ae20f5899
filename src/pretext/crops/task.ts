import type { PretrainConfig } from '../../config';
import { cropTraits } from '../../data/channels';
import type { Case } from '../../data/datalist';
import { createEncoder, createSegmenter, estimate, workBytes, type NetworkEstimate } from '../../nets';
import { voxelCount, type Vec3 } from '../../geometry';
import type { CaseChecks, Scalars, TrainingTask } from '../../tasks';
import type { PretextDescriptor } from '../../tasks/descriptor';
import { formatPercent } from '../../text';
import { storeSettings } from '../../data/volumeStore';
import { findUnlabelledCases } from '../cases';
import type { CropBatch } from './sampler';
import { noiseRows } from './sampler';
import { trained, type Learner, type Making } from './models';
import { methodOf, type CropMethod, type CropSettings } from './settings';

/** What differs between tasks that learn from crops. */
export interface CropTask<Method extends CropMethod> {
  readonly descriptor: PretextDescriptor;
  /** Numbers that the network gives a voxel; undefined for tasks that need its encoder alone. */
  outChannels?(config: PretrainConfig, method: Method): number | undefined;
  /** What a row costs, where the network does not pass it as a whole; undefined: it does. */
  estimate?(config: PretrainConfig, method: Method): NetworkEstimate | undefined;
  /** What volumes must be like; default: anything. */
  checks?(method: Method): CaseChecks;
  /** The size of a row where it is not that of a crop. */
  rowSize?(method: Method): Vec3;
  /** Rows of a crop; default 1. */
  rowsPerCrop?(method: Method): number;
  /** Arrays of the size of the network's output that the loss and its gradient keep. */
  readonly lossCopies?: number;
  /** The loss ties rows together. */
  readonly tied?: boolean;
  /** Fills what the loss needs besides the inputs of a batch of noise. */
  trial(batch: CropBatch, method: Method): CropBatch;
  /** What is trained. */
  learner(making: Making, method: Method): Learner;
  /** The metric that is told beside the loss, and whether it is a share. */
  readonly told?: { readonly metric: string; readonly text: string; readonly share?: boolean };
}

const FLOAT = 4;

function summary(told: CropTask<CropMethod>['told'], scalars: Scalars, validation: Scalars | undefined): string {
  const line = (values: Scalars): string => {
    const extra = told && values[told.metric];
    const loss = `loss ${values.loss?.toFixed(4)}`;
    if (!told || extra === undefined) return loss;
    return `${loss}, ${told.text} ${told.share ? formatPercent(extra, 0) : extra.toFixed(4)}`;
  };
  return validation ? `${line(scalars)} · held out: ${line(validation)}` : line(scalars);
}

/** At least so many rows, of whole crops. */
const wholeCrops = (rows: number, perCrop: number): number => Math.ceil(rows / perCrop) * perCrop;

/** A training task from what differs: crops are drawn, pass through the network, and have a loss. */
export function cropTask<Method extends CropMethod>(
  task: CropTask<Method>,
): TrainingTask<PretrainConfig, Case, CropBatch> {
  const rowsPerCrop = (method: Method): number => task.rowsPerCrop?.(method) ?? 1;
  const rowSize = (method: Method): Vec3 => task.rowSize?.(method) ?? method.crop;
  return {
    findCases: findUnlabelledCases,
    checks: (config) => task.checks?.(methodOf<Method>(config)) ?? {},
    cost(config) {
      const method = methodOf<Method>(config);
      const outChannels = task.outChannels?.(config, method);
      const size = rowSize(method);
      const network = task.estimate?.(config, method) ?? estimate(config.network, size, outChannels);
      const voxels = voxelCount(size);
      const images = outChannels === undefined ? 1 : 2;
      return {
        parameters: task
          .learner({ config, describeOnly: true }, method)
          .modules.reduce((sum, { set }) => sum + set.count, 0),
        rowsPerStep: config.train.batch * method.perVolume * rowsPerCrop(method),
        rowBytes: network.trainingBytes,
        workBytes: workBytes(network, voxels * (outChannels ?? 0) * FLOAT, task.lossCopies ?? 0),
        inputBytes: images * voxels * config.network.inChannels * FLOAT,
        rowFlops: network.forwardFlops,
        followers: 0,
        tied: task.tied ?? false,
      };
    },
    samplerSettings: (config): CropSettings<Method> => ({
      method: methodOf<Method>(config),
      store: storeSettings(config.data),
      ...cropTraits(config.data),
    }),
    network(config, describeOnly) {
      const init = { seed: config.seed, describeOnly };
      const outChannels = task.outChannels?.(config, methodOf<Method>(config));
      return outChannels === undefined
        ? createEncoder(config.network, init)
        : createSegmenter(config.network, outChannels, init);
    },
    trialBatch(config, rows) {
      const method = methodOf<Method>(config);
      return task.trial(
        noiseRows(rowSize(method), config.network.inChannels, wholeCrops(rows, rowsPerCrop(method))),
        method,
      );
    },
    build: ({ config }) => trained(task.learner({ config, describeOnly: false }, methodOf<Method>(config))),
    best: task.descriptor.best,
    checkpointAtValidation: false,
    describeBatch: ({ centres }) => ({ centres: Array.from(centres) }),
    summary: (scalars, validation) => summary(task.told, scalars, validation),
  };
}
