// Puts the native engine, with the libraries that no ordinary machine has, into a folder that may lie anywhere.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';

const release = join(import.meta.dirname, '../native/build/Release');
const objects = join(release, 'obj.target/voco_onednn/src');
const ADDON = 'voco_onednn.node';

const run = (command, ...args) =>
  execFileSync(command, args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });

const LICENCES = {
  libdnnl: 'oneDNN, Apache License 2.0, https://github.com/oneapi-src/oneDNN',
  libgomp: 'GNU OpenMP, GPL 3 with the GCC Runtime Library Exception, https://gcc.gnu.org',
  libomp: 'LLVM OpenMP, Apache License 2.0 with LLVM Exceptions, https://openmp.llvm.org',
  libOpenCL: 'OpenCL ICD loader (ocl-icd), BSD 2-clause, https://github.com/OCL-dev/ocl-icd',
};

function writeNotice(folder, from) {
  const lines = readdirSync(folder)
    .filter((name) => name.startsWith('lib'))
    .sort()
    .map((name) => `${name.padEnd(20)}${LICENCES[name.split('.')[0]]}`);
  writeFileSync(join(folder, 'NOTICE.txt'), `These libraries are those of ${from}:\n${lines.join('\n')}\n`);
}

/**
 * Links the addon again for being carried about: libdnnl's own libraries must be named by the addon, since only its
 * `$ORIGIN` is searched.
 */
function stageLinux(folder) {
  const addon = join(folder, ADDON);
  const sources = readdirSync(objects)
    .filter((name) => name.endsWith('.o'))
    .map((name) => join(objects, name));
  const link = ['-shared', '-pthread', '-s', '-Wl,-rpath,$ORIGIN', '-Wl,--no-as-needed', '-o', addon, ...sources];
  const installed = String.raw`ldconfig -p | sed -nE "s/.*libdnnl\.so\.[0-9]+ .*=> //p" | head -1`;
  const openCl = run('sh', '-c', `ldd "$(${installed})"`).includes('libOpenCL');
  run('g++', ...link, '-ldnnl', '-fopenmp', ...(openCl ? ['-l:libOpenCL.so.1'] : []));
  for (const line of run('ldd', addon).split('\n')) {
    const path = /=> (\S+)/.exec(line)?.[1];
    // The C and C++ libraries are everywhere.
    if (path && /\/(libdnnl|libgomp|libOpenCL)\.so\.\d+$/.test(path))
      cpSync(path, join(folder, basename(path)), { dereference: true });
  }
  const name = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
  writeNotice(folder, `${name}, unchanged`);
}

/** Brings the libraries of Homebrew that `file` names into its folder, and makes it look for them there. */
function carryDarwin(folder, file) {
  const named = run('otool', '-L', file).matchAll(/^\t(\S*\/(lib(?:dnnl|omp)[\w.]*\.dylib)) /gm);
  for (const [, path, name] of named) {
    // A library names itself first.
    if (name === basename(file)) continue;
    const copy = join(folder, name);
    if (!existsSync(copy)) {
      cpSync(path, copy, { dereference: true });
      chmodSync(copy, 0o755);
      carryDarwin(folder, copy);
    }
    run('install_name_tool', '-change', path, `@loader_path/${name}`, file);
  }
  // The edit made the signature invalid, without which Apple's processors execute nothing.
  run('codesign', '--force', '--sign', '-', file);
}

function stageDarwin(folder) {
  const addon = join(folder, ADDON);
  cpSync(join(release, ADDON), addon);
  carryDarwin(folder, addon);
  writeNotice(folder, 'Homebrew; only where they look for each other was changed');
}

/** Whether the engine was built here with what `stageEngine` needs of it. */
export const engineBuilt = () => existsSync(process.platform === 'linux' ? objects : join(release, ADDON));

/** Fills `folder` with the engine of this machine, which must be built. */
export function stageEngine(folder) {
  mkdirSync(folder, { recursive: true });
  if (process.platform === 'darwin') stageDarwin(folder);
  else stageLinux(folder);
}
