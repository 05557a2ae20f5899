import process from 'node:process';
import { ExitCode, UsageError } from '../../errors/userError';
import { closest } from '../../errors/closest';
import type { DataBench, InferenceBench, KernelBench, KernelTimes, ResEncBench, StepBench, Timing } from '../../bench';
import { PRECISIONS, type Precision } from '../../tensor/backends/types';
import { integerOption, textOption, tripleOption, type Arguments, type Command } from '../command';
import { formatBytes, formatSize } from '../../text';

type Result = StepBench | ResEncBench | InferenceBench | KernelBench | DataBench;

const NAMES = ['step', 'resenc', 'attention', 'conv', 'inference', 'data'] as const;

function common(name: string, args: Arguments) {
  const precision = textOption(args, 'precision') ?? 'float32';
  if (!(PRECISIONS as readonly string[]).includes(precision)) {
    throw new UsageError(`--precision must be one of ${PRECISIONS.join(', ')}, not "${precision}"`);
  }
  return {
    device: textOption(args, 'device') ?? 'auto',
    threads: integerOption(args, 'threads', 0),
    precision: precision as Precision,
    runs: integerOption(args, 'runs', 3, 1),
    warmup: integerOption(args, 'warmup', 1),
    featureSize:
      name === 'resenc' ? integerOption(args, 'feature-size', 32, 1) : integerOption(args, 'feature-size', 48, 12),
  };
}

async function measure(name: string, args: Arguments): Promise<Result> {
  const { benchAttention, benchConv, benchData, benchInference, benchResEnc, benchStep } = await import('../../bench');
  const options = common(name, args);
  const size = integerOption(args, 'size', name === 'inference' ? 96 : 64, 1);
  const batch = (fallback: number): number => integerOption(args, 'batch', fallback, 1);
  switch (name) {
    case 'step':
      if (batch(2) < 2) throw new UsageError('--batch must be at least 2: the projector normalises over the crops');
      return benchStep({ ...options, size, batch: batch(2), hidden: integerOption(args, 'hidden', 2048, 1) });
    case 'resenc':
      return benchResEnc({ ...options, size, batch: batch(2) });
    case 'attention':
      return benchAttention({ ...options, size, batch: batch(1) });
    case 'conv':
      return benchConv({ ...options, size, batch: batch(1) });
    case 'inference':
      return benchInference({ ...options, size, batch: batch(1), classes: 14 });
    default:
      return benchData({
        cases: integerOption(args, 'cases', 4, 1),
        volume: tripleOption(args, 'volume') ?? [160, 160, 64],
        workers: integerOption(args, 'workers', 0),
        runs: options.runs,
      });
  }
}

const seconds = ({ median, min, max, runs }: Timing): string =>
  `${median.toPrecision(3)} s (${min.toPrecision(3)} to ${max.toPrecision(3)} in ${runs} runs)`;

const kernelLine = ({ name, forward, training, forwardGigaflops, backwardGigaflops }: KernelTimes): string =>
  `${name}: forward ${seconds(forward)}, ${forwardGigaflops.toFixed(1)} GFLOP/s; ` +
  `with gradients ${seconds(training)}, gradients ${backwardGigaflops === null ? 'too short to tell' : `${backwardGigaflops.toFixed(1)} GFLOP/s`}`;

function linesOf(result: Result): string[] {
  switch (result.bench) {
    case 'step':
    case 'resenc':
      return [
        `feature size ${result.featureSize}, ${result.batch} crops of ${result.size}³, ${result.parameters} parameters`,
        `a crop: ${seconds(result.secondsPerCrop)}, ${result.gigaflops.toFixed(1)} GFLOP/s`,
        `peak memory of the process: ${formatBytes(result.peakBytes)}`,
      ];
    case 'inference':
      return [
        `feature size ${result.featureSize}, ${result.parameters} parameters`,
        `a window of ${result.size}³: ${seconds(result.secondsPerWindow)}`,
        `peak memory of the process: ${formatBytes(result.peakBytes)}`,
      ];
    case 'data':
      return [
        `${result.cases} volumes of ${formatSize(result.volume)}, ${result.cropsPerVolume} crops each, ${result.workers} workers`,
        `a volume from its file: ${seconds(result.first)}`,
        `a volume kept in memory: ${seconds(result.cached)}`,
      ];
    default:
      return result.shapes.map(kernelLine);
  }
}

function machineLine(result: Result): string {
  const where = 'device' in result ? `${result.device} (${result.deviceName}), ${result.precision}` : 'cpu';
  const threads = 'threads' in result && result.threads ? `, ${result.threads} threads` : '';
  return `${where}${threads}; ${result.cpu}, ${result.cores} cores; Node ${result.node}, voco ${result.voco}`;
}

export const bench: Command = {
  name: 'bench',
  usage: `voco bench ${NAMES.join('|')} [--device NAME] [--threads N] [--precision float32|bf16|float16] [--json]`,
  summary: 'measures this machine: a training step, single kernels, inference, or loading of data',
  details: [
    'step        one training step of the authors’ network: --feature-size 48 --size 64 --batch 2 --hidden 2048',
    'resenc      one training step of nnU-Net’s residual encoder U-Net (L): --feature-size 32 --size 64 --batch 2',
    'attention   shifted-window attention of the network’s four stages: --feature-size 48 --size 64 --batch 1',
    'conv        3×3×3 convolutions of its residual blocks: the same options',
    'inference   one window of sliding-window segmentation: --feature-size 48 --size 96 --batch 1',
    'data        crops from synthetic volumes: --cases 4 --volume 160,160,64 --workers 0',
    'All take --runs 3 and --warmup 1 (runs that are not counted).',
  ].join('\n'),
  options: {
    device: { type: 'string' },
    threads: { type: 'string' },
    precision: { type: 'string' },
    runs: { type: 'string' },
    warmup: { type: 'string' },
    'feature-size': { type: 'string' },
    size: { type: 'string' },
    batch: { type: 'string' },
    hidden: { type: 'string' },
    cases: { type: 'string' },
    volume: { type: 'string' },
    workers: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args) {
    const [name, ...rest] = args.positionals;
    if (name === undefined || rest.length > 0 || !(NAMES as readonly string[]).includes(name)) {
      const near = name && closest(name, NAMES);
      throw new UsageError(
        `voco bench: name one of ${NAMES.join(', ')}${near && near !== name ? `; did you mean ${near}?` : ''}`,
      );
    }
    const result = await measure(name, args);
    const text = args.values.json ? JSON.stringify(result) : [...linesOf(result), machineLine(result)].join('\n');
    process.stdout.write(`${text}\n`);
    return ExitCode.done;
  },
};
