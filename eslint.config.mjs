import tseslint from 'typescript-eslint';

/**
 * The rooms of src/ and what each may import (docs/architecture.md). Everyone may import the leaf rooms; `protocol` may be
 * imported as the list says. A room may always import itself.
 */
const leaves = ['errors', 'machine', 'files', 'labels', 'random', 'geometry', 'text', 'rpc', 'schema', 'registry'];
const rooms = {
  errors: [],
  machine: [],
  files: ['errors'],
  labels: [],
  random: [],
  geometry: [],
  text: [],
  rpc: ['errors'],
  schema: [],
  registry: ['errors'],
  // Tools.
  protocol: [],
  tensor: [],
  formats: [],
  volume: ['formats'],
  metrics: ['tensor', 'volume'],
  viewer: ['volume', 'protocol'],
  // What a training is made of.
  config: [],
  onnx: ['tensor'],
  nets: ['tensor', 'onnx'],
  data: ['volume', 'protocol'],
  runs: ['config', 'protocol', 'volume'],
  jobs: ['runs', 'config', 'protocol', 'volume'],
  // What is trained.
  tasks: ['config', 'data', 'nets', 'tensor', 'volume', 'protocol'],
  pretext: ['tasks', 'config', 'data', 'nets', 'tensor', 'volume', 'metrics', 'protocol'],
  downstream: ['tasks', 'config', 'data', 'nets', 'tensor', 'volume', 'metrics'],
  catalog: ['tasks', 'pretext', 'downstream', 'config'],
  loader: ['catalog', 'tasks', 'data'],
};
// What a person can ask for, each with the others that it asks in turn.
const asked = {
  check: ['catalog', 'tasks', 'data'],
  convert: ['catalog', 'tasks', 'data', 'nets', 'onnx', 'tensor'],
  train: ['check', 'convert', 'loader', 'catalog', 'tasks', 'data', 'nets', 'tensor'],
  locate: ['convert', 'train', 'tasks', 'pretext', 'data', 'tensor'],
  preview: ['locate', 'loader', 'catalog', 'tasks', 'pretext', 'data'],
  answer: ['preview', 'locate', 'convert', 'train', 'catalog', 'tasks', 'pretext', 'data', 'tensor'],
  segment: ['convert', 'downstream', 'data', 'nets', 'metrics', 'tensor'],
  evaluate: ['convert', 'segment', 'train', 'catalog', 'tasks', 'downstream', 'data', 'metrics', 'tensor'],
  study: ['train', 'catalog', 'data'],
  compare: ['convert', 'locate', 'segment', 'train', 'catalog', 'pretext', 'downstream', 'data', 'nets', 'metrics', 'tensor'],
  probe: ['compare', 'train', 'catalog', 'tasks', 'data', 'nets', 'metrics', 'tensor', 'viewer'],
  bench: ['loader', 'pretext', 'data', 'nets', 'tensor', 'metrics'],
}; // prettier-ignore
for (const [room, others] of Object.entries(asked)) rooms[room] = [...others, 'runs', 'config', 'volume', 'protocol'];
// The doors.
rooms.cli = [...Object.keys(asked), 'catalog', 'data', 'tensor', 'runs', 'config', 'volume', 'protocol'];
rooms.extension = ['viewer', 'jobs', 'runs', 'config', 'protocol', 'volume'];

const all = Object.keys(rooms);

/**
 * Rooms of things that have a light half (descriptor.ts, descriptors.ts) and a heavy half. Every room may import light halves;
 * they themselves import the leaf rooms and each other alone, so that the editor can load them without the tensor library.
 */
const described = ['nets', 'pretext', 'downstream', 'tasks'];
const lightFiles = ['descriptor', 'descriptors', 'schema', 'rules', 'presets', 'names', 'topology', 'turn', 'nnssl'];
const light = String.raw`(/[\w-]+)*/(${lightFiles.join('|')})`;

/** Files of a run directory (src/runs/files.ts). */
const RUN_FILE_NAMES =
  '(config|run|init|cases|skipped|results|study|notes|launch)[.]json|metrics[.]jsonl|(log|output)[.]txt|plot[.]svg|(results|study)[.]csv|(claim|launch)[.]lock|control[.]sock';

function roomRules(room) {
  const allowed = new Set([room, ...leaves, ...rooms[room]]);
  const forbidden = all.filter((other) => !allowed.has(other));
  const patterns = forbidden.map((other) => ({
    regex: `^(\\.\\./)+(src/)?${other}${described.includes(other) ? `(?!${light}$)` : ''}(/|$)`,
    message: `src/${room} must not import src/${other}: see docs/architecture.md`,
  }));
  patterns.push({ regex: '(^|/)webview(/|$)', message: 'src must not import webview code' });
  const paths = room === 'extension' ? [] : [{ name: 'vscode', message: 'only src/extension may import vscode' }];
  return {
    files: [`src/${room}/**/*.ts`],
    rules: { 'no-restricted-imports': ['error', { patterns, paths }] },
  };
}

function lightRules(room) {
  const allowed = String.raw`(json-schema-to-ts|(\.\./)+(${[...leaves, 'protocol'].join('|')})(/.*)?|\.{1,2}(/\.\.)*${light})`;
  const message = `light halves of src/${room} import leaf rooms and each other alone: see docs/architecture.md`;
  return {
    files: lightFiles.map((name) => `src/${room}/**/${name}.ts`),
    rules: { 'no-restricted-imports': ['error', { patterns: [{ regex: `^(?!${allowed}$)`, message }] }] },
  };
}

/**
 * Features of the extension, and which others each may use: a feature is one folder in src/extension, and all may use `shared`
 * and `panel`. `services.ts` and `extension.ts` know every feature; features know the services' type alone.
 */
const features = {
  checkpoint: ['runs'],
  compare: ['checkpoint', 'results', 'volume'],
  config: [],
  crops: ['config'],
  curves: ['runs'],
  datasets: ['config', 'volume'],
  devices: [],
  estimate: ['config'],
  results: ['checkpoint', 'runs', 'volume'],
  runs: [],
  segment: ['checkpoint', 'volume'],
  training: ['checkpoint', 'config', 'datasets'],
  volume: [],
};

/** Pages of the panels, and which others each may use: all may use `ui`. */
const pages = {
  checkpoint: [],
  compare: ['crops', 'curves', 'results', 'volume'],
  crops: ['volume'],
  curves: [],
  estimate: [],
  results: [],
  runs: [],
  volume: [],
};

/** The borders between the folders of `root`. */
function folderRules(root, table, shared, patterns = []) {
  const folders = { ...table, ...Object.fromEntries(shared.map((name) => [name, shared])) };
  return Object.entries(folders).map(([folder, used]) => {
    const forbidden = Object.keys(folders).filter((other) => ![folder, ...used, ...shared].includes(other));
    const borders = forbidden.map((other) => ({
      regex: `^\\.\\./${other}(/|$)`,
      message: `${root}/${folder} must not import ${root}/${other}: see the lists in eslint.config.mjs`,
    }));
    return {
      files: [`${root}/${folder}/**/*.ts`],
      rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: [...borders, ...patterns] }] },
    };
  });
}
const services = {
  regex: '^\\.\\./services$',
  allowTypeImports: true,
  message: 'features know the services only as a type',
};

/** Packages that may be replaced one day, each behind one door. */
const behind = {
  '@vscode/webview-ui-toolkit': 'webview/ui/**/*.ts',
  '@niivue/niivue': 'webview/volume/rendering3d.ts',
  'nifti-reader-js': 'src/volume/nifti/**/*.ts',
};

/** Not the rule of the rooms, which would be replaced by it. */
function onlyBehind(names) {
  const patterns = names.map((name) => ({ group: [name, `${name}/*`], message: `only ${behind[name]} may import it` }));
  return { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] };
}

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      'native/build/**',
      'test/extension/vscode-host/**',
      'runs/**',
      'bench/peers/.venv/**',
    ],
  },
  ...tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
      eqeqeq: ['error', 'smart'],
    },
  },
  { files: ['test/**', 'bench/**'], rules: { 'max-lines-per-function': 'off' } },
  { files: ['src/**/*.ts', 'webview/**/*.ts'], rules: onlyBehind(Object.keys(behind)) },
  ...Object.entries(behind).map(([name, place]) => ({
    files: [place],
    rules: onlyBehind(Object.keys(behind).filter((other) => other !== name)),
  })),
  ...all.map(roomRules),
  {
    files: ['src/**/*.ts'],
    ignores: ['src/extension/shared/notify.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        ...['showInformationMessage', 'showWarningMessage', 'showErrorMessage'].map((property) => ({
          property,
          message: 'use src/extension/shared/notify.ts: names in messages must not become links',
        })),
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/runs/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: `Literal[value=/^(${RUN_FILE_NAMES})$/], TemplateElement[value.raw=/nonfinite-step-|tfevents/]`,
          message: 'names of files in a run directory are known to src/runs alone: see runFiles',
        },
        {
          selector: "CallExpression[callee.name='join'] > Literal[value=/^(checkpoints|predictions)$/]",
          message: 'names of folders in a run directory are known to src/runs alone: see runFiles',
        },
      ],
    },
  },
  ...described.map(lightRules),
  ...folderRules('src/extension', features, ['shared', 'panel'], [services]),
  ...folderRules('webview', pages, ['ui']),
  {
    files: ['webview/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'srcdoc', 'setHTMLUnsafe'].map((property) => ({
          property,
          message: 'names from files are set as text, never as HTML',
        })),
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: [{ name: 'vscode', message: 'webviews must not import vscode' }],
          patterns: [
            { regex: '^node:', message: 'webviews run in a browser' },
            {
              regex: `^(\\.\\./)+src/(?!(protocol|labels|geometry|text)(/|$)|rpc(/page)?$)`,
              message:
                'webviews may import only src/protocol, src/labels, src/geometry, src/text, src/rpc and src/rpc/page from src',
            },
          ],
        },
      ],
    },
  },
);
