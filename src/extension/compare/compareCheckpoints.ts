import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import type { RunSummary } from '../../jobs/runSummary';
import { MOST_COMPARED } from '../../protocol/compare';
import { bestCheckpoint } from '../../runs/checkpoint';
import type { Services } from '../services';
import { byAge } from '../../jobs/checkpointOrder';
import { Cancelled } from '../shared/command';
import { COMPARED, isComparable, tickCheckpoints } from './tickCheckpoints';

/** The checkpoint that stands for a run: what an evaluation measured, the best of a fine-tuning, the newest of others. */
async function checkpointOfRun({ dir, label, state }: RunSummary): Promise<string> {
  if (state.kind === 'evaluate' && state.initFrom !== undefined) return state.initFrom;
  if (state.kind === 'study')
    throw new UserError(`${label}: a study has no checkpoint of its own; choose its fine-tunings`);
  return (await bestCheckpoint(dir)).file;
}

/** The checkpoint that a file, a row of a table or a node of the runs view names; undefined for anything else. */
async function fileOf(services: Services, item: unknown): Promise<string | undefined> {
  if (item instanceof vscode.Uri) return item.fsPath;
  if (typeof item === 'string') {
    const run = services.registry.get(item);
    return run ? checkpointOfRun(run) : item;
  }
  const node = (item ?? {}) as { run?: RunSummary; checkpoint?: { file: string }; file?: string; reason?: string };
  if (node.run) return checkpointOfRun(node.run);
  if (node.file !== undefined && node.reason !== undefined) throw new UserError(node.reason);
  return node.checkpoint?.file;
}

/** The checkpoints that items name, each once. */
async function filesOf(services: Services, items: readonly unknown[]): Promise<string[]> {
  const found = await Promise.all(items.map((item) => fileOf(services, item)));
  return [...new Set(found.filter((file) => file !== undefined))];
}

/**
 * The 2 to 4 checkpoints that a menu, a table or the palette names; fewer are completed by asking.
 *
 * @throws UserError when more are selected, Cancelled when the user chooses none
 */
export async function checkpointsToCompare(
  services: Services,
  argument: unknown,
  selected: unknown,
): Promise<string[]> {
  await services.finder.start();
  const { registry, selection } = services;
  const named = Array.isArray(selected) && selected.length > 0 ? (selected as unknown[]) : argument;
  if (named === undefined) {
    // From the palette: what is selected in the runs view is ticked.
    const ticked = await filesOf(services, selection.nodes ?? []).catch(() => []);
    return askFor(services, ticked.slice(0, MOST_COMPARED));
  }
  const files = await filesOf(services, Array.isArray(named) ? (named as unknown[]) : [named]);
  if (files.length > MOST_COMPARED)
    throw new UserError(`${COMPARED} checkpoints can be compared; ${files.length} are selected.`);
  return isComparable(files.length) ? byAge(registry.runs, files) : askFor(services, files);
}

async function askFor(services: Services, ticked: readonly string[]): Promise<string[]> {
  const files = await tickCheckpoints(services, ticked);
  if (!files) throw new Cancelled();
  return byAge(services.registry.runs, files);
}
