import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findNode, isRecentNode, MINIMUM_NODE } from '../../../src/jobs/nodeRuntime';
import { needs } from '../../support/needs';

let root: string;
const none = { execPath: join(tmpdir(), 'no-such-editor'), electron: false };

/** A program that answers as a Node of this version does. */
function standIn(version: string): string {
  const folder = join(root, version);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'node');
  writeFileSync(file, `#!/bin/sh\nprintf %s ${version}\n`);
  chmodSync(file, 0o755);
  return file;
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'voco-node-'));
});
afterAll(() => rmSync(root, { recursive: true }));

describe('the oldest Node that the trainer runs with', () => {
  it('is the one of package.json', () => {
    const { engines } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')) as {
      engines: { node: string };
    };
    expect(engines.node).toBe(`>=${MINIMUM_NODE}`);
  });

  it.each([
    ['18.20.4', false],
    ['20.14.0', false],
    ['20.15.0', true],
    ['20.20.2', true],
    ['22.1.0', true],
    ['100.0.0', true],
  ])('%s: %s', (version, recent) => expect(isRecentNode(version)).toBe(recent));
});

needs({
  present: process.platform !== 'win32',
  missing: 'the tests stand scripts in for Node, which Windows cannot start',
}).describe('the Node that runs trainers', () => {
  it('is not a configured one that is too old', async () => {
    const old = standIn('20.14.1');
    await expect(findNode({ ...none, configured: old, env: {} })).rejects.toThrow(
      `${old}: is Node 20.14.1, too old (setting voco.nodePath); set voco.nodePath to a Node of version 20.15 or newer`,
    );
    const command = standIn('20.15.0');
    expect(await findNode({ ...none, configured: command, env: {} })).toMatchObject({ command, source: 'setting' });
  });

  it('is the first on PATH that is new enough', async () => {
    const command = standIn('20.15.1');
    const folders = ['20.14.9', '20.15.1'].map((version) => join(standIn(version), '..'));
    const PATH = folders.join(delimiter);
    expect(await findNode({ ...none, env: { PATH } })).toMatchObject({ command, version: '20.15.1', source: 'path' });
    await expect(findNode({ ...none, env: { PATH: folders[0]! } })).rejects.toThrow(
      /no Node of version 20\.15 or newer/,
    );
  });
});
