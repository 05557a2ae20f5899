/** The one place that imports tfjs: every other file takes it from here, with all of tfjs's gradients registered. */
import { div, enableProdMode, registerGradient, reshape, tile, util, type Tensor } from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';

// Silences tfjs's advice to install its node backend, and skips checks of every kernel's output for NaN.
enableProdMode();

// tfjs's own multiplies by ones of the input's size, which it makes in JavaScript: slow for whole volumes.
registerGradient({
  kernelName: 'Mean',
  inputsToSave: ['x'],
  gradFunc: (dy, saved, attrs) => {
    const { shape } = saved[0]!;
    const axes = util.parseAxisParam((attrs as { axis?: number | number[] }).axis!, shape);
    const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const repeats = shape.map((size, axis) => (axes.includes(axis) ? size : 1));
    const share = div(dy as Tensor, util.sizeFromShape(repeats));
    return { x: () => tile(reshape(share, kept), repeats) };
  },
});

export * from '@tensorflow/tfjs-core';
