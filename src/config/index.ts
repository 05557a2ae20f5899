export { diagnose, type Diagnostic, type TextEdit } from './diagnose';
export { loadConfig, type ConfigError, type LoadedConfig, type LoadOptions } from './load';
export { overrideConfig } from './overrideConfig';
export {
  presetConfig,
  presetDescriptions,
  presetGroups,
  presetNames,
  presetsFrom,
  presetOfTask,
  presetsOfTask,
  presetText,
  type PresetName,
} from './presets';
export { scheduleDescriptions } from './presets/schedules';
export { configSchema } from './validate';
export type * from './types';
export { resolveTask, type Task } from './task';
