/**
 * The cuda device without a GPU: what is checked before tfjs-node-gpu is loaded, and everything that networks are made of on
 * a stand-in backend of its name, which has the kernels that tfjs-node 4.22 has (computed by tfjs's cpu backend) and no others.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEncoder, createSegmenter } from '../../../src/nets';
import { valueAndGradients } from '../../../src/tensor/autodiff';
import { loadCuda, unsupportedHost } from '../../../src/tensor/backends/cuda';
import { missingLibraries, type LibraryHost } from '../../../src/tensor/backends/cudaLibraries';
import { AdamW, clipGlobalNorm, emaUpdate } from '../../../src/tensor/optim';
import { readScalars } from '../../../src/tensor/read';
import * as tf from '../../../src/tensor/tf';
import { VocoModel } from '../../../src/pretext/voco/model';
import { registerStandIn, STAND_IN } from '../../support/tfjsNode';
import { normal, relativeError } from './support';

const root = mkdtempSync(join(tmpdir(), 'voco-cuda-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
function folderWith(files: Record<string, string>): string {
  const folder = join(root, String(folders++));
  for (const [name, text] of Object.entries({ ...files, '.keep': '' })) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** A folder with a package named tfjs-node-gpu in node_modules, whose main file is `code`. */
const workspaceWith = (code: string, version: string = tf.version_core): string =>
  folderWith({
    'node_modules/@tensorflow/tfjs-node-gpu/package.json': JSON.stringify({ version, main: 'index.js' }),
    'node_modules/@tensorflow/tfjs-node-gpu/index.js': code,
  });

const LIBRARIES = [
  'libcuda.so.1', 'libcudart.so.11.0', 'libcublas.so.11', 'libcublasLt.so.11', 'libcufft.so.10', 'libcusolver.so.11',
  'libcusparse.so.11', 'libcudnn.so.8',
]; // prettier-ignore
const emptyFiles = (names: string[], folder = '.'): Record<string, string> =>
  Object.fromEntries(names.map((name) => [join(folder, name), '']));
const nothing: LibraryHost = { platform: 'linux', env: {}, folders: [], toolkits: [] };
const everything = (): LibraryHost => ({ ...nothing, folders: [folderWith(emptyFiles(LIBRARIES))] });

describe('what cuda needs', () => {
  const host = { platform: 'linux' as const, arch: 'x64' as const, versions: { ...process.versions, node: '20.1.0' } };

  test.each([
    [{ ...host, platform: 'darwin' as const }, 'Linux or Windows'],
    [{ ...host, arch: 'arm64' as const }, 'x64'],
    [{ ...host, versions: { ...host.versions, node: '24.0.0' } }, 'Node 24.0.0'],
    [{ ...host, versions: { ...host.versions, electron: '30.0.0' } }, 'voco.nodePath'],
  ])('explains what does not fit: %#', (other, words) => {
    expect(unsupportedHost(other)).toContain(words);
    expect(unsupportedHost(host)).toBeUndefined();
  });

  test('names the libraries of CUDA and cuDNN that the system does not find', () => {
    expect(missingLibraries(root, everything())).toBeUndefined();
    expect(missingLibraries(folderWith(emptyFiles(LIBRARIES)), nothing), 'beside TensorFlow').toBeUndefined();
    const folder = folderWith(emptyFiles(LIBRARIES.slice(0, 7)));
    const most = { ...nothing, env: { LD_LIBRARY_PATH: `/nowhere:${folder}` } };
    expect(missingLibraries(root, most)).toBe(
      'tfjs-node-gpu needs CUDA 11.2 and cuDNN 8.1 or later of 11 and 8; not found: libcudnn.so.8: ' +
        'install cuDNN 8, or add the folder to LD_LIBRARY_PATH',
    );
    expect(missingLibraries(root, nothing)).toMatch(
      /not found: libcuda.so.1, .*: install the NVIDIA driver and CUDA 11 and cuDNN 8/,
    );
    const cache = join(folderWith({ cache: 'libcudnn.so.8\0/opt/lib/libcudnn.so.8\0' }), 'cache');
    expect(missingLibraries(root, { ...most, cache }), 'in the linker’s list').toBeUndefined();
  });

  test('tells of libraries that are installed where the system does not look', () => {
    const toolkits = folderWith(emptyFiles(LIBRARIES.slice(1), 'cuda-11.8/lib64'));
    const driver = folderWith(emptyFiles(LIBRARIES.slice(0, 1)));
    expect(missingLibraries(root, { ...nothing, folders: [driver], toolkits: [toolkits] })).toContain(
      `: add ${join(toolkits, 'cuda-11.8/lib64')} to LD_LIBRARY_PATH`,
    );
  });

  test('Windows has other names, and PATH', () => {
    const reason = missingLibraries(root, { ...nothing, platform: 'win32' });
    expect(reason).toMatch(/cudart64_110.dll, .*cudnn64_8.dll: install .* add the folder to PATH$/);
  });

  test('not installed, of another version, without libraries, broken, without a backend', () => {
    const reason = (folder: string, libraries = everything()) => {
      const loaded = loadCuda([folder], host, libraries);
      return loaded.ok ? '' : loaded.reason;
    };
    expect(reason(folderWith({}))).toContain('npm install @tensorflow/tfjs-node-gpu@4.22.0');
    expect(reason(workspaceWith('', '3.9.0'))).toContain('version 4.22.0 is needed');
    const broken = workspaceWith('throw new Error("libtensorflow.so.2: no such file\\nmore")');
    expect(reason(broken, nothing), 'before it is loaded').toMatch(/not found: libcuda/);
    expect(reason(broken)).toMatch(/libtensorflow.so.2: no such file$/);
    expect(reason(workspaceWith(''))).toContain('did not register');
  });

  test('loads one that registers its backend, from the second folder', () => {
    const backend = class extends tf.KernelBackend {
      isUsingGpuDevice = true;
      override dispose() {}
    };
    (globalThis as { vocoTestBackend?: object }).vocoTestBackend = { tf, backend };
    const code = `const { tf, backend } = globalThis.vocoTestBackend; tf.registerBackend('tensorflow', () => new backend(), -1);`;
    expect(loadCuda([folderWith({}), workspaceWith(code)], host, everything())).toMatchObject({ ok: true });
    (tf.findBackend('tensorflow') as unknown as { isUsingGpuDevice: boolean }).isUsingGpuDevice = false;
    const loaded = loadCuda([workspaceWith('')], host, everything());
    expect(loaded).toMatchObject({ ok: false, reason: expect.stringContaining('no GPU') });
    tf.removeBackend('tensorflow');
  });
});

/** Loss and norm of the gradient of a step of the encoder and of one of the segmentation network. */
async function trainUnet(): Promise<number[]> {
  const config = { name: 'unet3d', featureSize: 2 } as const;
  const model = createEncoder(config, { seed: 0 });
  const segmenter = createSegmenter(config, 3, { seed: 0 });
  const results: number[] = [];
  const x = normal<tf.Tensor5D>('x', [2, 32, 16, 16, 1]);
  const step = async (variables: tf.Variable[], f: () => tf.Tensor): Promise<void> => {
    const parameters = new Map(variables.map((variable, i) => [String(i), variable]));
    const optimizer = new AdamW(parameters, { amsgrad: true });
    const teacher = variables.map((variable) => tf.tidy(() => tf.variable(tf.clone(variable))));
    const { value, gradients } = valueAndGradients(() => ({ loss: tf.mean(tf.square(f())) }), variables);
    const norm = clipGlobalNorm(gradients, 1);
    optimizer.step(gradients, 1e-3);
    emaUpdate(teacher, variables, 0.9);
    const scalars = await readScalars({ loss: value.loss, norm });
    results.push(scalars.loss!, scalars.norm!);
    optimizer.dispose();
    tf.dispose([value.loss, norm, ...teacher, ...gradients.filter((gradient) => gradient !== null)]);
  };
  await step(model.parameters.all.map(({ variable }) => variable), () => model.pooled(x)); // prettier-ignore
  await step(segmenter.parameters.all.map(({ variable }) => variable), () => tf.softmax(segmenter.forward(x))); // prettier-ignore
  x.dispose();
  model.dispose();
  segmenter.dispose();
  return results;
}

describe('everything on a stand-in with the kernels of tfjs-node', () => {
  beforeAll(registerStandIn);
  afterAll(() => tf.removeBackend(STAND_IN));

  const compare = async (compute: () => Promise<number[]>): Promise<void> => {
    await tf.setBackend('cpu');
    const expected = await compute();
    await tf.setBackend(STAND_IN);
    const before = tf.memory().numTensors;
    const actual = await compute();
    expect(tf.memory().numTensors).toBe(before);
    expect(relativeError(actual, expected)).toBeLessThan(1e-6);
    await tf.setBackend('cpu');
  };

  test('3D U-Net: encoder and segmentation', () => compare(trainUnet));

  test.each(['cvpr-paper', 'voco-10k', 'tpami'] as const)('the objective %s', async (objective) => {
    await compare(async () => {
      const network = { name: 'unet3d', featureSize: 2 } as const;
      const model = new VocoModel({ network, objective, seed: 0, projector: { hidden: 8, out: 8 } });
      const layout = { volumes: 2, randomPerVolume: 2, basesPerVolume: 4 };
      const features = (at: string) => normal<tf.Tensor2D>(at, [12, model.student.pooledSize]);
      const [student, teacher] = [features('student'), features('teacher')];
      const labels = tf.tidy(() => tf.softmax(normal<tf.Tensor2D>('labels', [4, 4])));
      const result = model.lossAndGradients({ student, teacher }, labels, layout);
      const { loss } = await readScalars({ loss: result.total });
      const values = [loss!, ...(await result.featureGradient.data())];
      const { total, assignments, embeddings, featureGradient, projectorGradients, parts } = result;
      tf.dispose([total, assignments, embeddings, featureGradient, ...projectorGradients, ...Object.values(parts)]);
      tf.dispose([student, teacher, labels]);
      model.dispose();
      return values;
    });
  });
});
