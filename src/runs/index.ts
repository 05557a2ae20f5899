export * from './checkpoint';
export * from './files';
export { ControlServer, sendCommand, type CommandHandler } from './control';
export { controlAddress } from './socketAddress';
export { byModule, describeInit, readInitReport, writeInitReport, type InitReport } from './initReport';
export {
  MetricsReader,
  MetricsWriter,
  lastMetricsStep,
  metricsFile,
  readMetrics,
  type MetricsRecord,
  type MetricsUpdate,
} from './metrics';
export * from './notes';
export { plotSvg, type Plot, type PlotPanel, type PlotSeries } from './plot/svg';
export { RunCurves } from './runCurves';
export { writeRunPlot } from './runPlot';
export * from './liveness';
export { processStartTime } from '../machine/process';
export * from './results';
export * from './runDirectory';
export * from './safetensors';
export { scanMetrics } from './scan';
export * from './skipped';
export * from './study';
export { EventWriter } from './tensorboard';
