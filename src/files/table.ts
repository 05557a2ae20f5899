import { CsvError, parse, type Info } from 'csv-parse/sync';
import { UserError } from '../errors/userError';

/** A row of a table and the line that it starts on, from 1. */
export interface Row {
  readonly fields: readonly string[];
  readonly line: number;
}

const breaksIn = (text: string): number => text.split('\n').length - 1;

/** What separates the fields: the most frequent of comma, semicolon (Excel of many countries) and tab in the first row. */
function delimiterOf(text: string): string {
  const first = (/^.*\S.*$/m.exec(text)?.[0] ?? '').replace(/"[^"]*"/g, '');
  const counts = [',', ';', '\t'].map((sign) => ({ sign, count: first.split(sign).length }));
  return counts.reduce((best, one) => (one.count > best.count ? one : best)).sign;
}

/**
 * The rows of a CSV file (RFC 4180; or separated by semicolons or tabs) that are not empty; they may differ in length.
 *
 * @throws UserError naming the file and the line where quotes do not match
 */
export function tableRows(text: string, file: string): Row[] {
  const lines = text.replace(/\r\n?/g, '\n');
  const lenient = { bom: true, trim: true, relax_quotes: true, relax_column_count: true };
  const filled = { skip_empty_lines: true, skip_records_with_empty_values: true };
  const given = { info: true, raw: true, delimiter: delimiterOf(lines) };
  try {
    const options = { ...lenient, ...filled, ...given, record_delimiter: '\n' };
    // The library's types do not tell what `info` gives.
    const rows = parse(lines, options) as unknown as { record: string[]; info: Info }[];
    return rows.map(({ record, info }) => ({
      fields: record.map((field) => field.trim()),
      line: info.lines - breaksIn(record.join('')),
    }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = Number(error.lines) - breaksIn(String(error.raw).trim());
    const what = error.code === 'CSV_QUOTE_NOT_CLOSED' ? 'a quote is opened and not closed' : error.message;
    throw new UserError(`${file}:${line}: ${what}; a quote inside of quotes is written twice`);
  }
}

/**
 * Refuses rows that have more fields than the header and a strange one where it matters: most often a comma in a name that does
 * not stand in quotes.
 *
 * @param strange whether a row's fields are not what the columns should hold
 * @throws UserError naming the file and the line
 */
export function refuseLongRows(
  header: readonly string[],
  rows: readonly Row[],
  file: string,
  strange: (fields: readonly string[]) => boolean,
): void {
  const wrong = rows.find(({ fields }) => fields.length > header.length && strange(fields));
  if (wrong)
    throw new UserError(
      `${file}:${wrong.line}: has ${wrong.fields.length} fields, the header ${header.length}; a name with a comma stands in quotes: "a, b.nii.gz"`,
    );
}
