import Ajv, { type ErrorObject, type ValidateFunction } from 'ajv';
import { networkDescriptors } from '../nets/descriptors';
import { pretextDescriptors } from '../pretext/descriptors';
import { anySchema, schemasByKind } from './schema/publish';
import {
  formatPath,
  isRecord,
  ownProperty,
  pathsOfKey,
  settle,
  type ConfigPath,
  type SchemaNode,
} from '../schema/tree';
import type { Problem } from '../schema/problem';
import { closest } from '../errors/closest';
import { boundProblem } from './bounds';
import type { Config, ConfigKind } from './types';
import { listOf } from '../text';

interface Schemas {
  readonly any: SchemaNode;
  readonly byKind: Readonly<Record<ConfigKind, SchemaNode>>;
  readonly compiled: Map<string, ValidateFunction>;
}

/** Made again when a registry has changed. */
let made: (Schemas & { readonly revision: string }) | undefined;

function schemas(): Schemas {
  const revision = `${networkDescriptors.revision} ${pretextDescriptors.revision}`;
  if (made?.revision !== revision)
    made = { revision, any: anySchema(), byKind: schemasByKind(), compiled: new Map<string, ValidateFunction>() };
  return made;
}

/** The schema of every config, as plain data: a choice by `kind`. */
export const configSchema = (): SchemaNode => schemas().any;

/** What a config can be for. */
export const configKinds = Object.keys(schemasByKind()) as readonly ConfigKind[];

export interface Validated {
  readonly problems: readonly Problem[];
  /** The config with all defaults, when there are no problems. */
  readonly config?: Config;
  /** The schema with the choices that the value made. */
  readonly schema: SchemaNode;
}

/** Made by the first validation: the extension loads this file when it is activated, which is to be quick. */
let ajv: Ajv | undefined;
const MAX_COMPILED = 64;

/** Items of one form are checked by one function: code for each of a thousand takes seconds to compile. */
function withSharedForms(root: SchemaNode): SchemaNode {
  const forms = new Map<SchemaNode, SchemaNode>();
  const refer = (form: SchemaNode): SchemaNode => {
    if (!forms.has(form)) forms.set(form, { $ref: `#/$defs/${forms.size}` });
    return forms.get(form)!;
  };
  const share = (schema: SchemaNode): SchemaNode => {
    const { items, properties } = schema;
    const shared = Object.entries(properties ?? {}).map(([name, child]) => [name, share(child)]);
    return {
      ...schema,
      ...(properties && { properties: Object.fromEntries(shared) as SchemaNode['properties'] }),
      ...(Array.isArray(items) && { items: items.map(refer) }),
    };
  };
  const shared = share(root);
  return { ...shared, $defs: Object.fromEntries([...forms.keys()].map((form, i) => [i, form])) };
}

function validator(schema: SchemaNode, choices: number[]): ValidateFunction {
  const key = choices.join();
  const { compiled } = schemas();
  let validate = compiled.get(key);
  if (!validate) {
    if (compiled.size >= MAX_COMPILED) {
      compiled.clear();
      // The instance keeps what it compiled, too.
      ajv = undefined;
    }
    const { $schema: _, ...body } = withSharedForms(schema);
    ajv ??= new Ajv({
      allErrors: true,
      useDefaults: true,
      strict: false,
      strictNumbers: true,
      validateFormats: false,
      verbose: true,
      inlineRefs: false,
    });
    validate = ajv.compile(body);
    compiled.set(key, validate);
  }
  return validate;
}

/** An unknown kind. A config without a kind counts as a pre-training config that lacks the key. */
function wrongKind(kind: unknown): Problem | undefined {
  if (kind === undefined || configKinds.includes(kind as ConfigKind)) return undefined;
  const names = configKinds.map((name) => JSON.stringify(name));
  const guess = typeof kind === 'string' ? closest(kind, [...configKinds]) : undefined;
  const path = ['kind'];
  const hint = guess ? `; did you mean "${guess}"?` : '';
  const message = `must be ${listOf(names, 'or')}, is ${shown(kind)}${hint}`;
  const fix = guess ? { fix: { title: `Change to "${guess}"`, path, value: guess } } : {};
  return { path, message, severity: 'error', ...fix };
}

/** Checks a parsed config against the schema and fills in every default. The value is not changed. */
export function validate(value: unknown): Validated {
  if (!isRecord(value)) {
    const problem: Problem = {
      path: [],
      message: 'a config must be an object: { "kind": "pretrain", … }',
      severity: 'error',
    };
    return { problems: [problem], schema: configSchema() };
  }
  const beyond = boundProblem(value);
  if (beyond) return { problems: [beyond], schema: configSchema() };
  const wrong = wrongKind(value.kind);
  const kind = wrong || value.kind === undefined ? 'pretrain' : (value.kind as ConfigKind);
  const whole = schemas().byKind[kind];
  if (wrong) return { problems: [wrong], schema: whole };
  const choices = [configKinds.indexOf(kind)];
  const schema = settle(whole, value, choices);
  const copy: unknown = structuredClone(value);
  const check = validator(schema, choices);
  if (check(copy)) return { problems: [], config: copy as Config, schema };
  return { problems: toProblems(check.errors ?? [], whole), schema };
}

/** Nobody reads more of them. */
const MOST_PROBLEMS = 1000;

function toProblems(errors: readonly ErrorObject[], root: SchemaNode): Problem[] {
  // Inside a choice that fits nothing, each branch has its own complaints: the one of the choice says it all.
  const choices = [...new Set(errors.flatMap(({ keyword, schemaPath }) => (keyword === 'anyOf' ? [schemaPath] : [])))];
  const own = errors.filter((error) => !choices.some((path) => error.schemaPath.startsWith(`${path}/`)));
  const problems = new Map<string, Problem>();
  for (const error of own.slice(0, MOST_PROBLEMS)) {
    const problem = toProblem(error, root);
    const key = `${formatPath(problem.path)}: ${problem.message}`;
    if (!problems.has(key)) problems.set(key, problem);
  }
  return [...problems.values()];
}

function pathOf(error: ErrorObject): (string | number)[] {
  const parts = error.instancePath.split('/').slice(1);
  return parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part.replaceAll('~1', '/').replaceAll('~0', '~')));
}

function toProblem(error: ErrorObject, root: SchemaNode): Problem {
  const path = pathOf(error);
  const schema = (error.parentSchema ?? {}) as SchemaNode;
  if (error.keyword === 'additionalProperties') {
    return unknownKey([...path, String(error.params.additionalProperty)], schema, root);
  }
  if (error.keyword === 'required') {
    const key = String(error.params.missingProperty);
    const example = ownProperty(schema, key)?.examples?.[0];
    const hint = example === undefined ? '' : `, for example "${key}": ${JSON.stringify(example)}`;
    return { path, message: `"${key}" is missing${hint}`, severity: 'error' };
  }
  const guess = misspeltValue(error, schema);
  if (guess) {
    const fix = { title: `Change to "${guess}"`, path, value: guess };
    return { path, message: `${describe(error, schema)}; did you mean "${guess}"?`, severity: 'error', fix };
  }
  return { path, message: describe(error, schema), severity: 'error' };
}

/** Of our own keys. */
const LONGEST_KEY = 60;

function unknownKey(path: ConfigPath, schema: SchemaNode, root: SchemaNode): Problem {
  const key = String(path.at(-1));
  const known = Object.entries(schema.properties ?? {}).flatMap(([name, child]) => (child.deprecated ? [] : [name]));
  const guess = closest(key, known);
  if (guess) {
    const fix = { title: `Rename to "${guess}"`, renameTo: guess };
    return { path, atKey: true, message: `unknown key; did you mean "${guess}"?`, severity: 'error', fix };
  }
  const elsewhere =
    key.length > LONGEST_KEY
      ? []
      : pathsOfKey(root, key).filter((other) => other.length !== path.length || other[0] !== path[0]);
  const hint = elsewhere.length ? `it belongs at ${formatPath(elsewhere[0]!)}` : `known keys here: ${known.join(', ')}`;
  return { path, atKey: true, message: `unknown key; ${hint}`, severity: 'error' };
}

function allowedWords(schema: SchemaNode): string[] {
  const words = schema.const === undefined ? (schema.enum ?? []) : [schema.const];
  const branches = (schema.anyOf ?? []).flatMap((branch) => [
    ...allowedWords(branch),
    ...Object.values(branch.properties ?? {}).flatMap((child) => (child.const === undefined ? [] : [child.const])),
  ]);
  const alternatives = /^\^\(([\w|]+)/.exec(String(schema.pattern ?? ''))?.[1]?.split('|') ?? [];
  return [...words, ...branches, ...alternatives].filter((word) => typeof word === 'string');
}

function misspeltValue(error: ErrorObject, schema: SchemaNode): string | undefined {
  if (!['enum', 'const', 'pattern', 'anyOf'].includes(error.keyword) || typeof error.data !== 'string')
    return undefined;
  return otherName(error.data, schema) ?? closest(error.data, allowedWords(schema));
}

/** The value that a word of other tools stands for (`meant` in the schema): "gpu:1" → "webgpu:1". */
function otherName(text: string, { meant }: SchemaNode): string | undefined {
  const [word, rest] = text.split(/(?=:)(.*)/s) as [string, string?];
  const own = isRecord(meant) && Object.hasOwn(meant, word.toLowerCase()) ? meant[word.toLowerCase()] : undefined;
  return typeof own === 'string' ? own + (rest ?? '') : undefined;
}

const TYPE_NAMES: Record<string, string> = {
  integer: 'a whole number',
  number: 'a number',
  string: 'a text in quotes',
  boolean: 'true or false',
  array: 'a list [ … ]',
  object: 'an object { … }',
  null: 'null',
};

function shown(value: unknown): string {
  // 1e999 is JSON, and no number that can be held.
  if (typeof value === 'number' && !Number.isFinite(value)) return 'beyond all finite numbers';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function anyOfForms(schema: SchemaNode): string {
  const forms = (schema.anyOf ?? []).map((branch) => {
    const keys = branch.required ?? [];
    const discriminator = keys.map((key) => {
      const value = ownProperty(branch, key)?.const;
      return `"${key}": ${value === undefined ? '…' : JSON.stringify(value)}`;
    });
    return keys.length ? `{ ${discriminator.join(', ')} }` : (branch.title ?? String(branch.type));
  });
  return listOf(forms, 'or');
}

function describe(error: ErrorObject, schema: SchemaNode): string {
  const { params, keyword, data } = error as { params: Record<string, unknown>; keyword: string; data?: unknown };
  const is = `, is ${shown(data)}`;
  const size = Array.isArray(data) ? `, has ${data.length}` : '';
  switch (keyword) {
    case 'type':
      return `must be ${listOf(
        [params.type].flat().map((type) => TYPE_NAMES[String(type)] ?? String(type)),
        'or',
      )}${is}`;
    case 'enum':
      return `must be ${listOf((schema.enum ?? []).map(shown), 'or')}${is}`;
    case 'const':
      return `must be ${shown(params.allowedValue)}${is}`;
    case 'anyOf':
      return `must be ${anyOfForms(schema)}${is}`;
    case 'pattern':
      return `must be ${String(schema.patternErrorMessage ?? `text that matches ${String(params.pattern)}`)}${is}`;
    case 'minLength':
      return 'must not be empty';
    case 'minItems':
      return `must have ${schema.maxItems === params.limit ? '' : 'at least '}${String(params.limit)} item(s)${size}`;
    case 'maxItems':
    case 'additionalItems':
      return `must have ${schema.minItems === params.limit ? '' : 'at most '}${String(params.limit)} item(s)${size}`;
    case 'minimum':
      return `must be ${String(params.limit)} or more${is}`;
    case 'maximum':
      return `must be ${String(params.limit)} or less${is}`;
    case 'exclusiveMinimum':
      return `must be more than ${String(params.limit)}${is}`;
    case 'exclusiveMaximum':
      return `must be less than ${String(params.limit)}${is}`;
    default:
      return `${error.message ?? keyword}${is}`;
  }
}
