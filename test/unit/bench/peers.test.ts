import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { needs, pythonWith } from '../../support/needs';

const bench = join(import.meta.dirname, '../../../bench');
const peers = join(bench, 'peers');
const python = pythonWith();

/** What `torch.__config__.show()` says, cut to the lines that matter. */
const PYPI = `PyTorch built with:
  - Intel(R) oneAPI Math Kernel Library Version 2024.2-Product Build 20240605 for Intel(R) 64 architecture applications
  - Intel(R) MKL-DNN v3.13.3 (Git Hash b38f97eb6f2173513112f15a0481750b8a66e901)
  - LAPACK is enabled (usually provided by MKL)
  - Build settings: BLAS_INFO=mkl, BUILD_TYPE=Release`;
const DEBIAN = `PyTorch built with:
  - Intel(R) MKL-DNN v2.6.3 (Git Hash N/A)
  - LAPACK is enabled (usually provided by MKL)
  - Build settings: BLAS_INFO=generic, BUILD_TYPE=RelWithDebInfo`;
const folder = '/usr/lib/x86_64-linux-gnu';
const numpy = '/venv/lib/python3.11/site-packages/numpy.libs/libscipy_openblas64_-32a4b2a6.so';
const reference = `${folder}/blas/libblas.so.3.11.0`;
const openblas = [`${folder}/openblas-pthread/libblas.so.3`, `${folder}/openblas-pthread/libopenblasp-r0.3.21.so`];

const JUDGE = `import json, sys
sys.path.insert(0, sys.argv[1])
import environment
config, libraries = json.load(sys.stdin)
name, path = environment.find_blas(config, libraries)
print(json.dumps({"name": name, "path": path, "refusal": environment.refusal("1.13.0", config, libraries)}))`;

function judge(config: string, libraries: string[]): { name: string | null; path: string | null; refusal: string } {
  const input = JSON.stringify([config, libraries]);
  return JSON.parse(execFileSync(python.python, ['-c', JUDGE, peers], { input, encoding: 'utf8' }));
}

needs(python).describe('the BLAS behind PyTorch', () => {
  const dnnl = `${folder}/libdnnl.so.2.6`;

  test.each([
    ['MKL that is linked into PyTorch', PYPI, [numpy], 'MKL 2024.2-Product', null],
    ['MKL, although numpy maps the reference', PYPI, [reference], 'MKL 2024.2-Product', null],
    ['OpenBLAS behind libblas.so.3', DEBIAN, [dnnl, ...openblas], 'libopenblasp-r0.3.21.so', openblas[1]],
    ['OpenBLAS that is linked into PyTorch', DEBIAN.replace('generic', 'open'), [], 'OpenBLAS', null],
  ])('%s is measured', (_, config, libraries, name, path) => {
    expect(judge(config, libraries)).toEqual({ name, path, refusal: null });
  });

  test.each([
    ['the reference', DEBIAN, [dnnl, reference], reference],
    ['the reference beside numpy’s OpenBLAS', DEBIAN, [numpy, reference], reference],
    ['the reference where PyTorch was built for OpenBLAS', DEBIAN.replace('generic', 'open'), [reference], reference],
    ['one that cannot be told', DEBIAN, [dnnl], 'cannot be told'],
  ])('%s is refused, with the package that helps', (_, config, libraries, said) => {
    const { name, refusal } = judge(config, libraries);
    expect(name).toBeNull();
    expect(refusal).toContain(said);
    expect(refusal).toMatch(/PyTorch 1\.13\.0 .*apt-get install libopenblas0.*node bench\/peers\/setup\.mjs/);
  });

  test('variables that hold OpenBLAS to other kernels are forgotten', () => {
    const script = `import os, sys
sys.path.insert(0, sys.argv[1])
import environment
environment.forget_forced_kernels()
print([name for name in os.environ if name.startswith("OPENBLAS_")])`;
    const env = { ...process.env, OPENBLAS_CORETYPE: 'Haswell', OPENBLAS_L2_SIZE: '512', OPENBLAS_NUM_THREADS: '1' };
    const names = execFileSync(python.python, ['-c', script, peers], { encoding: 'utf8', env });
    expect(names.trim()).toBe("['OPENBLAS_NUM_THREADS']");
  });
});

describe('before anything is measured', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'voco-peer-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  needs(python).test('the peer ends with the reason on a BLAS that is not an optimised one', () => {
    // Only what says which BLAS it is: whoever went on to measure would find no network in it.
    mkdirSync(join(scratch, 'torch'));
    const module = `class __config__:\n    show = staticmethod(lambda: ${JSON.stringify(DEBIAN)})\n__version__ = "1.13.0"\n`;
    writeFileSync(join(scratch, 'torch/__init__.py'), module);
    const env = { ...process.env, PYTHONPATH: scratch, PYTHONDONTWRITEBYTECODE: '1' };
    const { status, stdout, stderr } = spawnSync(python.python, [join(peers, 'peer.py'), 'step'], {
      encoding: 'utf8',
      env,
    });
    expect(stderr.trim()).toMatch(/^PyTorch 1\.13\.0 multiplies matrices with .* libopenblas0/);
    expect([status, stdout]).toEqual([1, '']);
  });

  test('a Python without PyTorch is refused, with the command that makes the peer', () => {
    const args = [join(bench, 'run.mjs'), 'step', '--python', join(scratch, 'python')];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(stderr).toMatch(/^bench\/run: .*python has no PyTorch: .*peers\/setup\.mjs.*python3-torch libopenblas0\n$/);
    expect([status, stdout]).toEqual([1, '']);
  });

  test('a workload that there is not is wrong usage', () => {
    const args = [join(bench, 'run.mjs'), 'training'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toMatch(/unknown workload "training": use step or inference/);
  });
});

test('rounds are compared with rounds', async () => {
  const { median, ratio, summarise } = await import(join(bench, 'compare.mjs'));
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  const of = (seconds: number[]) => summarise(seconds.map((one, at) => ({ seconds: one, peakBytes: at })));
  const [ours, theirs] = [of([1, 2, 4]), of([3, 4, 20])];
  expect(ours).toEqual({ seconds: 2, all: [1, 2, 4], peakBytes: 2 });
  expect(ratio(ours, theirs)).toEqual({ median: 2, min: 2, max: 5 });
});
