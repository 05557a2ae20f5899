import { dirname, join, sep } from 'node:path';
import type { Config, Diagnostic } from '../../config';
import { parseText, toDiagnostic } from '../../config/diagnose';
import { NO_CLASSES, wantsClasses, withClassesOfData } from '../../config/classesOfData';
import { configOfText } from '../../config/ofText';
import { formatPath } from '../../schema/tree';
import type { Problem } from '../../schema';
import { FileFacts } from './fileFacts';
import { labelProblems } from './labels';
import { checkpointLeakage, downstreamLeakage, ownLeakage } from './leakage';
import { memoryProblems } from './memory';
import { missingPaths } from './paths';
import { lookAtSources } from './sources';
import { sizeProblems } from './volumes';

/** Finds what is wrong with a config in the light of the files that it names, reading each of them once. */
export class ConfigLinter {
  private readonly facts = new FileFacts();

  /**
   * Problems that neither schema nor rules can see: missing and unreadable files, volumes smaller than the crop grid, labels
   * of no class, held-out volumes that are trained on, too little memory. The quick problems (`diagnose`) are not repeated.
   *
   * @param file the config, which need not be saved: relative paths start at its folder
   * @param others further configs, whose held-out volumes pre-training must not see
   */
  async lint(text: string, file: string, others: readonly string[]): Promise<Diagnostic[]> {
    const { root, value } = parseText(text);
    if (!root) return [];
    const missing = await missingPaths(value, dirname(file));
    const written = configOfText(text, dirname(file));
    const config = written && (await withClassesOfData(written));
    const found = config ? await this.problemsOf(config, missing, others) : [];
    // As the config itself writes them: relative to its folder.
    const short = ({ message, ...problem }: Problem): Problem => ({
      ...problem,
      message: message.replaceAll(join(dirname(file), sep), ''),
    });
    const all = [...missing, ...found].map((problem) => toDiagnostic(short(problem), root, text, file));
    return all.sort((a, b) => a.offset - b.offset);
  }

  private async problemsOf(config: Config, missing: readonly Problem[], others: readonly string[]): Promise<Problem[]> {
    const { facts } = this;
    if (config.kind === 'finetune' && wantsClasses(config.task))
      return [{ path: ['task', 'classes'], message: NO_CLASSES, severity: 'error' }];
    const isMissing = missing.map(({ path }) => formatPath(path));
    const skip = (path: readonly (string | number)[]): boolean =>
      isMissing.some((one) => one.startsWith(`${formatPath(path)}.`));
    const train = await lookAtSources(config, 'train', facts, skip);
    const validation = await lookAtSources(config, 'validation', facts, skip);
    const own = await ownLeakage(train.sources, validation.sources, facts);
    const special =
      config.kind === 'pretrain'
        ? [...(await sizeProblems(config, train.sources)), ...(await downstreamLeakage(train.sources, others, facts))]
        : [
            ...(await labelProblems(config, train.sources, facts)),
            ...(await checkpointLeakage(config.init.checkpoint, validation.sources, facts)),
          ];
    return [...train.problems, ...validation.problems, ...own, ...special, ...(await memoryProblems(config))];
  }
}
