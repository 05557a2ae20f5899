// Which packages there are, what is in them, and which of them this machine can make.
import process from 'node:process';

/**
 * `binding`: the folder of the `webgpu` package with the binding for that platform. `engine`: the native engine is inside; it is
 * compiled on a machine of that platform. It has not been brought to Windows.
 */
export const targets = {
  'linux-x64': { binding: 'linux-x64', engine: true },
  'linux-arm64': { binding: 'linux-arm64', engine: true },
  'darwin-arm64': { binding: 'darwin-universal', engine: true },
  'win32-x64': { binding: 'win32-x64', engine: false },
};

/** The package for every platform, without any native code. */
export const UNIVERSAL = 'universal';

const here = `${process.platform}-${process.arch}`;

/**
 * Why a package cannot be made on this machine, and what to do; undefined when it can.
 *
 * @param engine whether the native engine is built here or can be
 * @param machine platform and architecture, as Node names them
 */
export function obstacle(target, { withoutEngine = false, engine, machine = here }) {
  if (target === UNIVERSAL) return undefined;
  if (!Object.hasOwn(targets, target))
    return `--target ${target}: there are ${[UNIVERSAL, ...Object.keys(targets)].join(', ')}`;
  if (!targets[target].engine || withoutEngine) return undefined;
  const instead = 'or leave it out with --without-engine';
  if (machine !== target)
    return `--target ${target}: its native engine is compiled on such a machine, and this is ${machine}; go there, ${instead}`;
  if (engine) return undefined;
  return `--target ${target}: the native engine is not built and cannot be built here: install g++, make, python3 and oneDNN (Debian: libdnnl-dev; Homebrew: onednn and libomp), ${instead}`;
}
