/** The one place that imports tfjs: every other file takes it from here, with all of tfjs's gradients registered. */
import { div, enableProdMode, registerGradient, reshape, tile, util, type Tensor } from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';

// Silences tfjs's advice to install its node backend, and skips checks of every kernel's output for NaN.
enableProdMode();

/** Sizes of runs of neighbouring axes that are all averaged over or all kept: fewer axes for the same elements. */
function runsOf(shape: number[], averaged: (axis: number) => boolean): { size: number; averaged: boolean }[] {
  const runs: { size: number; averaged: boolean }[] = [];
  shape.forEach((size, axis) => {
    const last = runs.at(-1);
    if (last && last.averaged === averaged(axis)) last.size *= size;
    else runs.push({ size, averaged: averaged(axis) });
  });
  return runs;
}

// tfjs's own multiplies by ones of the input's size, which it makes in JavaScript: slow for whole volumes. Axes are merged
// because its webgpu backend cannot tile tensors of five.
registerGradient({
  kernelName: 'Mean',
  inputsToSave: ['x'],
  gradFunc: (dy, saved, attrs) => {
    const { shape } = saved[0]!;
    const axes = util.parseAxisParam((attrs as { axis?: number | number[] }).axis!, shape);
    const runs = runsOf(shape, (axis) => axes.includes(axis));
    const kept = runs.map((run) => (run.averaged ? 1 : run.size));
    const repeats = runs.map((run) => (run.averaged ? run.size : 1));
    const share = div(dy as Tensor, util.sizeFromShape(repeats));
    return { x: () => reshape(tile(reshape(share, kept), repeats), shape) };
  },
});

export * from '@tensorflow/tfjs-core';
