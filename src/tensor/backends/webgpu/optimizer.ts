/** Optimiser updates in the tensors' own memory: parameters and their state never leave the device. */
import type { DataId } from '@tensorflow/tfjs-core';
import { adamwNumbers, type AdamWStep, type AdamWTensors } from '../../optim/inPlace';
import { binding, BUILTINS, dispatch, FLAT_GROUP, flatGroups, type GpuBackend } from './device';

interface Update {
  name: string;
  /** Names of the tensors; all but those in `written` are read only. */
  tensors: string[];
  written: string[];
  /** Names of the float32 numbers that change from step to step. */
  numbers: string[];
  /** WGSL statements on element i. */
  body: string;
}

function update(backend: GpuBackend, spec: Update, ids: DataId[], numbers: number[]): void {
  const { shape } = backend.tensorMap.get(ids[0]!);
  const size = shape.reduce((a, b) => a * b, 1);
  const shader = {
    key: `${spec.name} ${size} ${spec.tensors.length}`,
    source: () => `
      struct Numbers { ${spec.numbers.map((name) => `${name}: f32`).join(', ')} }
      ${spec.tensors.map((name, i) => binding(i, name, 'f32', spec.written.includes(name) ? 'read_write' : 'read')).join('')}
      @group(0) @binding(${spec.tensors.length}) var<uniform> u: Numbers;
      @compute @workgroup_size(64)
      fn main(${BUILTINS}) {
        let i = ${FLAT_GROUP} * 64 + i32(local);
        if (i >= ${size}) { return; }
        ${spec.body}
      }`,
    workgroups: flatGroups(Math.ceil(size / 64)),
  };
  const tensors = ids.map((dataId) => ({ dataId, shape, dtype: 'float32' as const }));
  dispatch(backend, shader, tensors, new Float32Array(numbers).buffer);
  spec.tensors.forEach((name, i) => {
    // tfjs keeps what was read back beside the buffer; it is out of date now.
    if (spec.written.includes(name)) backend.tensorMap.get(ids[i]!).values = null;
  });
}

const adamw = (amsgrad: boolean): Update => ({
  name: 'adamw',
  tensors: ['P', 'G', 'M', 'V', ...(amsgrad ? ['Vmax'] : [])],
  written: ['P', 'M', 'V', 'Vmax'],
  numbers: ['keep', 'rate', 'beta1', 'rest1', 'beta2', 'rest2', 'correction', 'eps'],
  body: `
        let g = G[i];
        let m = u.beta1 * M[i] + u.rest1 * g;
        let v = u.beta2 * V[i] + u.rest2 * g * g;
        M[i] = m;
        V[i] = v;
        ${amsgrad ? 'let second = max(Vmax[i], v); Vmax[i] = second;' : 'let second = v;'}
        P[i] = P[i] * u.keep - u.rate * m / (sqrt(second) * u.correction + u.eps);`,
});

/** torch.optim.AdamW's step of each parameter. */
export function adamwStep(
  backend: GpuBackend,
  { parameters, gradients, m, v, vmax }: AdamWTensors<DataId>,
  options: AdamWStep,
): void {
  const spec = adamw(vmax !== undefined);
  const byName: Record<string, number> = adamwNumbers(options);
  const numbers = spec.numbers.map((name) => byName[name]!);
  parameters.forEach((parameter, i) => {
    const ids = [parameter, gradients[i]!, m[i]!, v[i]!, ...(vmax ? [vmax[i]!] : [])];
    update(backend, spec, ids, numbers);
  });
}

const ema: Update = {
  name: 'ema',
  tensors: ['T', 'S'],
  written: ['T'],
  numbers: ['keep', 'rest'],
  body: 'T[i] = u.keep * T[i] + u.rest * S[i];',
};

/** teacher ← momentum · teacher + (1 − momentum) · student. */
export function emaStep(backend: GpuBackend, teacher: DataId[], student: DataId[], momentum: number): void {
  teacher.forEach((id, i) => update(backend, ema, [id, student[i]!], [momentum, 1 - momentum]));
}
