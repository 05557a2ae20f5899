/** The libraries that tfjs-node-gpu's TensorFlow opens when it starts. Without one of them it computes on the CPU and says so in a log only. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where libraries are looked for; for tests other than those of this machine. */
export interface LibraryHost {
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  /** The system's folders, and the dynamic linker's list of what else it knows (Linux). */
  readonly folders: readonly string[];
  readonly cache?: string;
  /** Folders below which CUDA installs itself, for a hint where its libraries are there but not found. */
  readonly toolkits: readonly string[];
}

interface Library {
  readonly what: string;
  readonly linux: string;
  readonly windows: string;
}

/** TensorFlow 2.9, which tfjs-node-gpu 4.22 is built with: CUDA 11.2 and cuDNN 8.1, or later ones with the same names. */
const LIBRARIES: readonly Library[] = [
  { what: 'the NVIDIA driver', linux: 'libcuda.so.1', windows: 'nvcuda.dll' },
  { what: 'CUDA 11', linux: 'libcudart.so.11.0', windows: 'cudart64_110.dll' },
  { what: 'CUDA 11', linux: 'libcublas.so.11', windows: 'cublas64_11.dll' },
  { what: 'CUDA 11', linux: 'libcublasLt.so.11', windows: 'cublasLt64_11.dll' },
  { what: 'CUDA 11', linux: 'libcufft.so.10', windows: 'cufft64_10.dll' },
  { what: 'CUDA 11', linux: 'libcusolver.so.11', windows: 'cusolver64_11.dll' },
  { what: 'CUDA 11', linux: 'libcusparse.so.11', windows: 'cusparse64_11.dll' },
  { what: 'cuDNN 8', linux: 'libcudnn.so.8', windows: 'cudnn64_8.dll' },
];

const LINUX_FOLDERS = [
  '/lib',
  '/usr/lib',
  '/lib64',
  '/usr/lib64',
  '/lib/x86_64-linux-gnu',
  '/usr/lib/x86_64-linux-gnu',
];

export function thisHost(): LibraryHost {
  const { platform, env } = process;
  if (platform === 'win32') {
    const root = env.SystemRoot ?? 'C:\\Windows';
    return { platform, env, folders: [join(root, 'System32')], toolkits: [] };
  }
  return { platform, env, folders: LINUX_FOLDERS, cache: '/etc/ld.so.cache', toolkits: ['/usr/local'] };
}

/** Folders of an environment variable such as PATH. */
const listed = (value: string | undefined): string[] =>
  (value ?? '').split(delimiter).filter((folder) => folder !== '');

function linkerKnows(cache: string | undefined, name: string): boolean {
  try {
    return cache !== undefined && readFileSync(cache, 'latin1').includes(`${name}\0`);
  } catch {
    return false;
  }
}

/** A folder of CUDA's own that has the library, although the system does not look there. */
function overlooked(host: LibraryHost, name: string): string | undefined {
  for (const root of host.toolkits) {
    const versions = existsSync(root) ? readdirSync(root).filter((entry) => entry.startsWith('cuda')) : [];
    for (const version of versions.sort().reverse()) {
      const folder = join(root, version, 'lib64');
      if (existsSync(join(folder, name))) return folder;
    }
  }
  return undefined;
}

/**
 * What tfjs-node-gpu needs and the system does not find, and what to do; undefined where all is there.
 *
 * @param beside a folder that TensorFlow looks in besides: its own.
 */
export function missingLibraries(beside: string, host: LibraryHost = thisHost()): string | undefined {
  const windows = host.platform === 'win32';
  const folders = [...listed(windows ? host.env.PATH : host.env.LD_LIBRARY_PATH), ...host.folders, beside];
  const found = (name: string): boolean =>
    folders.some((folder) => existsSync(join(folder, name))) || linkerKnows(host.cache, name);
  const nameOf = (library: Library): string => (windows ? library.windows : library.linux);
  const missing = LIBRARIES.filter((library) => !found(nameOf(library)));
  if (missing.length === 0) return undefined;
  const needs = [...new Set(missing.map(({ what }) => what))];
  const places = [
    ...new Set(missing.map((library) => overlooked(host, nameOf(library))).filter((at) => at !== undefined)),
  ];
  const advice =
    places.length > 0
      ? `add ${places.join(' and ')} to LD_LIBRARY_PATH`
      : `install ${needs.join(' and ')}, or add the folder to ${windows ? 'PATH' : 'LD_LIBRARY_PATH'}`;
  return `tfjs-node-gpu needs CUDA 11.2 and cuDNN 8.1 or later of 11 and 8; not found: ${missing.map(nameOf).join(', ')}: ${advice}`;
}
