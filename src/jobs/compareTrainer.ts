import type { Program } from './process';
import { toolServer, type ToolServer } from './toolServer';
import type { CompareCalls } from '../protocol/comparison';
import type { Progress } from '../rpc';

/** The trainer process of a comparison, started at the first question. */
export class CompareTrainer {
  private readonly server: ToolServer<CompareCalls>;
  private readonly running = new Map<string, AbortController>();

  /**
   * @param device where the networks run: a name, or `auto`
   * @param onProgress called with the task of each question
   */
  constructor(
    program: () => Promise<Program>,
    device: () => string,
    private readonly onProgress: (task: string, progress: Progress) => void,
  ) {
    this.server = toolServer(program, () => ['compare', '--serve', '--device', device()]);
  }

  /** Asks; a question that is under way for the same task is cancelled. @returns null when this one was cancelled */
  async ask<N extends keyof CompareCalls>(
    method: N,
    task: string,
    request: CompareCalls[N]['params'],
  ): Promise<CompareCalls[N]['result'] | null> {
    this.cancel(task);
    const controller = new AbortController();
    const { signal } = controller;
    this.running.set(task, controller);
    try {
      const onProgress = (progress: Progress): void => this.onProgress(task, progress);
      const value = await this.server.call(method, request, { signal, onProgress });
      return signal.aborted ? null : value;
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    } finally {
      if (this.running.get(task) === controller) this.running.delete(task);
    }
  }

  cancel(task: string): void {
    this.running.get(task)?.abort();
  }

  dispose(): void {
    for (const controller of this.running.values()) controller.abort();
    this.server.dispose();
  }
}
