import { voxelCount, type Vec3 } from '../geometry';
import { withTemporaryFolder } from '../files/temporary';
import { resolveSources } from '../data/datalist';
import { makePhantom } from '../data/phantom';
import { createLoader } from '../loader';
import { vocoSampler } from '../pretext/voco/sampler';
import type { LoaderSettings } from '../pretext/voco/settings';
import { describeMachine, median, type Timing } from './measure';

export interface DataBenchOptions {
  /** Synthetic volumes to make and load. */
  cases: number;
  /** Voxels of a volume. */
  volume: Vec3;
  workers: number;
  runs: number;
}

export interface DataBench extends ReturnType<typeof describeMachine> {
  bench: 'data';
  cases: number;
  volume: Vec3;
  workers: number;
  cropsPerVolume: number;
  /** Seconds for each volume's crops when it is read and preprocessed, and from then on. */
  first: Timing;
  cached: Timing;
}

const GRID: Vec3 = [4, 4, 1];
const RANDOM_CROPS = 2;
const MEMORY_BYTES = 2 ** 30;

/** The released code's chain: window, foreground, resize to the grid of 96³ crops, crops resized to 64³ and augmented. */
const settings: LoaderSettings = {
  grid: GRID,
  crop: [96, 96, 96],
  input: [64, 64, 64],
  randomCrops: RANDOM_CROPS,
  augment: { flip: 0.2, rotate90: 0.2, shiftIntensity: { prob: 0.1, offset: 0.1 } },
  store: {
    channel: 0,
    cacheFolder: null,
    memoryBytes: MEMORY_BYTES,
    preprocess: {
      orientation: 'RAS',
      spacing: null,
      intensity: { kind: 'window', low: -175, high: 250, to: [0, 1], clip: true },
      foreground: { threshold: 0.3 },
      resize: [384, 384, 96],
    },
  },
};

const timing = (seconds: number[]): Timing => ({
  median: median(seconds),
  min: Math.min(...seconds),
  max: Math.max(...seconds),
  runs: seconds.length,
});

/** How fast crops come: from the files, then from preprocessed volumes in memory. */
export async function benchData(options: DataBenchOptions): Promise<DataBench> {
  const { cases, volume, workers, runs } = options;
  return withTemporaryFolder('voco-bench', async (folder) => {
    await makePhantom({ out: folder, cases, size: volume, validation: 0 });
    const { first, cached } = await timeLoader(folder, cases, workers, runs);
    return {
      bench: 'data',
      ...describeMachine(),
      cases,
      volume,
      workers,
      cropsPerVolume: voxelCount(GRID) + RANDOM_CROPS,
      first: timing(first),
      cached: timing(cached),
    };
  });
}

async function timeLoader(
  folder: string,
  cases: number,
  workers: number,
  runs: number,
): Promise<{ first: number[]; cached: number[] }> {
  const found = await resolveSources([{ folder: 'imagesTr' }], folder, { labels: false });
  const task = { kind: 'pretrain', name: 'voco' } as const;
  const options = { task, sampler: vocoSampler, settings, cases: found, seed: 0, batch: 1, workers, prefetch: 2 };
  const loader = createLoader(options);
  try {
    const seconds: number[] = [];
    for (let step = 0; step < cases * (runs + 1); step++) {
      const start = performance.now();
      loader.release(await loader.next());
      seconds.push((performance.now() - start) / 1000);
    }
    return { first: seconds.slice(0, cases), cached: seconds.slice(cases) };
  } finally {
    await loader.close();
  }
}
