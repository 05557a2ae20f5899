export { diagnose, formatDiagnostic, lineAndColumn, type Diagnostic, type TextEdit } from './diagnose';
export { loadConfig, type LoadedConfig } from './load';
export { presetConfig, presetDescriptions, presetNames, presetText, type PresetName } from './presets';
export { configSchema } from './validate';
export type * from './types';
