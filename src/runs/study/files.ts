import { readPlainText } from '../../files/regular';
import { parseJson } from '../../files/json';
import { fileError, UserError } from '../../errors/userError';
import { writeFileAtomically } from '../../files/atomic';
import { csvLine } from '../../files/csv';
import { studyPlotSvg } from './plot';
import { summarizeStudy } from './summary';
import type { Study, StudyPlan } from './types';
import { runFiles } from '../files';

const CSV_COLUMNS = ['arm', 'amount', 'cases', 'seed', 'state', 'score', 'best', 'run'] as const;

/** One row a run; scores that are not there yet are empty. */
export function studyCsv({ runs }: StudyPlan): string {
  const rows = runs.map((run) => CSV_COLUMNS.map((column) => run[column]));
  return [CSV_COLUMNS, ...rows].map(csvLine).join('');
}

/** Writes study.json, study.csv and plot.svg of a study as it stands. @throws UserError when they cannot be written */
export async function writeStudy(runDir: string, plan: StudyPlan): Promise<Study> {
  const study = summarizeStudy(plan);
  const files = runFiles(runDir);
  await writeFileAtomically(files.studyTable, studyCsv(study));
  await writeFileAtomically(files.plot, studyPlotSvg(study));
  await writeFileAtomically(files.study, `${JSON.stringify(study, null, 2)}\n`);
  return study;
}

/** @throws UserError when study.json is missing or malformed. */
export async function readStudy(runDir: string): Promise<Study> {
  const file = runFiles(runDir).study;
  try {
    const value = parseJson(await readPlainText(file)) as Study | null;
    const lists = [value?.amounts, value?.seeds, value?.runs, value?.points, value?.differences];
    if (value?.format === 1 && lists.every(Array.isArray)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw fileError(error, file, 'read the study');
  }
  throw new UserError(`${file}: not a study that this version can read`);
}
