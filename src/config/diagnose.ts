import {
  findNodeAtLocation,
  getNodeValue,
  modify,
  parseTree,
  printParseErrorCode,
  type Node,
  type ParseError,
} from 'jsonc-parser';
import { jsonDepth } from '../files/json';
import { MOST_CONFIG_BYTES, MOST_CONFIG_DEPTH } from './bounds';
import { rules } from './rules';
import { formatPath, isRecord, type ConfigPath } from '../schema/tree';
import type { Problem, ProblemFix } from '../schema';
import { validate, type Validated } from './validate';

export interface TextEdit {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

/** Something wrong with a config, and where in its text (offsets in UTF-16 units). */
export interface Diagnostic {
  readonly file: string;
  /** `data.preprocess.spacing[1]`; empty for the whole file. */
  readonly path: string;
  readonly message: string;
  readonly severity: 'error' | 'warning';
  readonly offset: number;
  readonly length: number;
  readonly fix?: { readonly title: string; readonly edits: readonly TextEdit[] };
}

interface TextError {
  readonly message: string;
  readonly offset: number;
  readonly length: number;
  readonly path: string;
  /** Whether any parser of JSON would report it. */
  readonly syntactic?: true;
}

export interface ParsedText {
  readonly root: Node | undefined;
  readonly value: unknown;
  readonly errors: readonly TextError[];
}

const PARSE_ERRORS: Record<string, string> = {
  InvalidSymbol: 'this is not JSON: texts need double quotes',
  InvalidNumberFormat: 'this is not a number',
  PropertyNameExpected: 'a key in double quotes is expected here',
  ValueExpected: 'a value is expected here',
  ColonExpected: 'a colon is expected here',
  CommaExpected: 'a comma is expected here',
  CloseBraceExpected: 'a closing } is missing',
  CloseBracketExpected: 'a closing ] is missing',
  EndOfFileExpected: 'nothing may follow the closing }',
  UnexpectedEndOfComment: 'a comment is not closed',
  UnexpectedEndOfString: 'a text is not closed: a " is missing',
  InvalidUnicode: 'a \\u escape is wrong',
  InvalidEscapeCharacter: 'a \\ escape is wrong (write \\\\ for one backslash)',
  InvalidCharacter: 'a control character is not allowed here',
};

const MOST_ERRORS = 1000;

function repeatedKeys(node: Node | undefined, path: ConfigPath = []): { path: string; node: Node }[] {
  const children = node?.children ?? [];
  if (node?.type === 'array') return children.flatMap((child, index) => repeatedKeys(child, [...path, index]));
  if (node?.type !== 'object') return [];
  const seen = new Set<string>();
  return children.flatMap((property) => {
    const key = property.children![0]!;
    const name = String(key.value);
    const here = [...path, name];
    const again = seen.has(name) ? [{ path: formatPath(here), node: key }] : [];
    seen.add(name);
    return [...again, ...repeatedKeys(property.children![1], here)];
  });
}

/** Parses JSON with comments and trailing commas. */
export function parseText(text: string): ParsedText {
  const refused = (message: string): ParsedText => ({
    root: undefined,
    value: undefined,
    errors: [{ message, offset: 0, length: 1, path: '' }],
  });
  if (text.length > MOST_CONFIG_BYTES) return refused(`${text.length} characters are too many for a config`);
  // The parser calls itself for each level.
  if (jsonDepth(text, MOST_CONFIG_DEPTH) > MOST_CONFIG_DEPTH)
    return refused(`lists and objects are nested more than ${MOST_CONFIG_DEPTH} deep`);
  const parseErrors: ParseError[] = [];
  // A byte-order mark stays in the text, so that offsets are those of the editor.
  const root = parseTree(text.replace(/^\uFEFF/, ' '), parseErrors, { allowTrailingComma: true });
  const errors: TextError[] = parseErrors.slice(0, MOST_ERRORS).map(({ error, offset, length }) => {
    const code = printParseErrorCode(error);
    return { message: PARSE_ERRORS[code] ?? code, offset, length, path: '', syntactic: true };
  });
  for (const { path, node } of repeatedKeys(root).slice(0, MOST_ERRORS)) {
    errors.push({ message: 'this key is given twice', offset: node.offset, length: node.length, path });
  }
  return { root, value: root && getNodeValue(root), errors: errors.sort((a, b) => a.offset - b.offset) };
}

function keyNode(value: Node): Node | undefined {
  return value.parent?.type === 'property' ? value.parent.children![0] : undefined;
}

/** The node that a problem is about: its value, its key, or the nearest thing around it that is written in the text. */
function locate(root: Node, problem: Problem, text: string): { offset: number; length: number } {
  for (let depth = problem.path.length; depth > 0; depth--) {
    const node = findNodeAtLocation(root, problem.path.slice(0, depth));
    if (!node) continue;
    const oneLine = !text.slice(node.offset, node.offset + node.length).includes('\n');
    const whole = depth === problem.path.length && !problem.atKey && node.type !== 'object' && oneLine;
    const shownNode = whole ? node : (keyNode(node) ?? node);
    return { offset: shownNode.offset, length: shownNode.length };
  }
  return { offset: root.offset, length: 1 };
}

function fixEdits(text: string, place: { offset: number; length: number }, fix: ProblemFix): TextEdit[] {
  if ('renameTo' in fix) return [{ ...place, text: JSON.stringify(fix.renameTo) }];
  const formattingOptions = { insertSpaces: true, tabSize: 2 };
  const edits = modify(text, [...fix.path], fix.value, { formattingOptions });
  return edits.map((edit) => ({ offset: edit.offset, length: edit.length, text: edit.content }));
}

const MOST_FIXES = 50;

/** Gives a problem its place in the text. @param index how many problems of the same text were placed before */
export function toDiagnostic(problem: Problem, root: Node, text: string, file: string, index = 0): Diagnostic {
  // Making a change parses the whole text again.
  const fix = index < MOST_FIXES ? problem.fix : undefined;
  const place = locate(root, problem, text);
  return {
    file,
    path: formatPath(problem.path),
    message: problem.message,
    severity: problem.severity,
    ...place,
    ...(fix && { fix: { title: fix.title, edits: fixEdits(text, place, fix) } }),
  };
}

/** Schema and cross-field problems of a parsed value; the latter only once the schema is met. */
export function check(value: unknown): Validated {
  const result = validate(value);
  return result.config ? { ...result, problems: rules(result.config) } : result;
}

/**
 * Everything wrong with a config's text, with positions, in the order of the text. Reads no file: `file` is only the name
 * in the results.
 */
export function diagnose(text: string, file: string): Diagnostic[] {
  return diagnoseParsed(parseText(text), text, file);
}

function diagnoseParsed({ root, value, errors }: ParsedText, text: string, file: string): Diagnostic[] {
  const found: Diagnostic[] = errors.map(({ syntactic: _, ...error }) => ({
    ...error,
    file,
    severity: 'error',
  }));
  if (!root && text.trim() === '') {
    const message = 'the file is empty: write { "kind": "pretrain", … } or start from a preset';
    return [{ file, path: '', message, severity: 'error', offset: 0, length: 0 }];
  }
  if (!root) return found;
  // After a syntax error the rest of the tree is a guess; only what is surely there is worth checking.
  if (errors.length === 0 || isRecord(value)) {
    const problems = check(value).problems.filter((problem) => errors.length === 0 || problem.atKey);
    found.push(...problems.map((problem, index) => toDiagnostic(problem, root, text, file, index)));
  }
  return found.sort((a, b) => a.offset - b.offset);
}

/** Where the lines of the last text begin: many problems of one text are placed one after the other. */
let lines: { readonly text: string; readonly starts: readonly number[] } | undefined;

function lineStarts(text: string): readonly number[] {
  if (lines?.text !== text) {
    const starts = [0];
    for (const { index, 0: end } of text.matchAll(/\r\n|\r|\n/g)) starts.push(index + end.length);
    lines = { text, starts };
  }
  return lines.starts;
}

/**
 * {@link diagnose} for an editor of JSON, which reports syntax errors by itself.
 *
 * @param syntax whether to name those as well
 */
export function diagnoseInEditor(text: string, file: string, syntax: boolean): Diagnostic[] {
  const parsed = parseText(text);
  const found = diagnoseParsed(parsed, text, file);
  if (syntax) return found;
  const hidden = new Set(parsed.errors.flatMap(({ syntactic, offset }) => (syntactic ? [offset] : [])));
  return found.filter(({ path, offset }) => path !== '' || !hidden.has(offset));
}

/** Line and column, both from 1, of an offset. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const starts = lineStarts(text);
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle;
  }
  return { line: low + 1, column: offset - starts[low]! + 1 };
}

/** `file:line:column: path: message`, one line. */
export function formatDiagnostic(diagnostic: Diagnostic, text: string): string {
  const { line, column } = lineAndColumn(text, diagnostic.offset);
  const path = diagnostic.path === '' ? '' : ` ${diagnostic.path}:`;
  return `${diagnostic.file}:${line}:${column}:${path} ${diagnostic.message}`;
}
