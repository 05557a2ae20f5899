/** The one place that imports tfjs: every other file takes it from here, with all of tfjs's gradients registered. */
import { enableProdMode } from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';

// Silences tfjs's advice to install its node backend, and skips checks of every kernel's output for NaN.
enableProdMode();

export * from '@tensorflow/tfjs-core';
