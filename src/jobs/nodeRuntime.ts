import { execFile } from 'node:child_process';
import { access, constants, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { UserError } from '../errors/userError';

/** The oldest Node that the trainer runs with. */
export const MINIMUM_NODE = '20.15';

/** A Node to start trainers with. */
export interface NodeRuntime {
  readonly command: string;
  /** Added to the environment of the child. */
  readonly env: Readonly<Record<string, string>>;
  readonly version: string;
  readonly source: 'setting' | 'path' | 'editor';
}

export interface NodeSearch {
  /** The user's own choice (`voco.nodePath`); empty when not set. */
  readonly configured?: string;
  /** The executable of this process, used as the last resort. */
  readonly execPath: string;
  /** Whether `execPath` is Electron, which runs as Node only when told to. */
  readonly electron: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly platform?: NodeJS.Platform;
}

const ANSWER_TIMEOUT_MS = 10_000;

/** The version that `command --version` prints, such as "20.20.2", or undefined when it is no Node that runs. */
async function versionOf(command: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const print = 'process.stdout.write(process.versions.node)';
  return new Promise((resolve) => {
    execFile(command, ['-e', print], { env, timeout: ANSWER_TIMEOUT_MS, windowsHide: true }, (error, stdout) => {
      resolve(!error && /^\d+\.\d+\.\d+/.test(stdout) ? stdout.trim() : undefined);
    });
  });
}

/** Whether a version such as "20.20.2" is that of a Node that the trainer runs with. */
export function isRecentNode(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [least = 0, leastMinor = 0] = MINIMUM_NODE.split('.').map(Number);
  return major > least || (major === least && minor >= leastMinor);
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

async function nodesOnPath(search: NodeSearch): Promise<string[]> {
  const windows = (search.platform ?? process.platform) === 'win32';
  const names = windows ? ['node.exe'] : ['node', 'nodejs'];
  const folders = (search.env.PATH ?? search.env.Path ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  const found: string[] = [];
  for (const candidate of candidates) {
    if (!found.includes(candidate) && (await isExecutable(candidate))) found.push(candidate);
  }
  return found;
}

async function configuredNode(command: string, env: NodeJS.ProcessEnv): Promise<NodeRuntime> {
  const advice = `set voco.nodePath to a Node of version ${MINIMUM_NODE} or newer, or clear it`;
  if (!(await isExecutable(command))) {
    throw new UserError(`${command}: no such program, or not executable (setting voco.nodePath); ${advice}`);
  }
  const version = await versionOf(command, env);
  if (version === undefined) throw new UserError(`${command}: does not run as Node (setting voco.nodePath); ${advice}`);
  if (!isRecentNode(version)) {
    throw new UserError(`${command}: is Node ${version}, too old (setting voco.nodePath); ${advice}`);
  }
  return { command, env: {}, version, source: 'setting' };
}

/**
 * The Node that runs trainers: the configured one, else the first on PATH that is new enough, else this editor's own.
 *
 * @throws UserError when the configured one cannot be used, or when there is none at all. A configured path is never
 * passed over in silence.
 */
export async function findNode(search: NodeSearch): Promise<NodeRuntime> {
  if (search.configured) return configuredNode(search.configured, search.env);
  for (const command of await nodesOnPath(search)) {
    const version = await versionOf(command, search.env);
    if (version !== undefined && isRecentNode(version)) return { command, env: {}, version, source: 'path' };
  }
  const env: Record<string, string> = search.electron ? { ELECTRON_RUN_AS_NODE: '1' } : {};
  const version = await versionOf(search.execPath, { ...search.env, ...env });
  if (version !== undefined && isRecentNode(version))
    return { command: search.execPath, env, version, source: 'editor' };
  throw new UserError(
    `no Node of version ${MINIMUM_NODE} or newer was found on PATH; install Node, or set voco.nodePath to one`,
  );
}
