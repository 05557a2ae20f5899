import tseslint from 'typescript-eslint';

/**
 * The rooms of src/ and what each may import (docs/architecture.md). Everyone may import the leaf rooms; `protocol` may be
 * imported as the list says. A room may always import itself.
 */
const leaves = ['errors', 'files', 'labels', 'random', 'geometry', 'text', 'rpc', 'schema', 'registry'];
const rooms = {
  errors: [],
  files: ['errors'],
  labels: [],
  random: [],
  geometry: [],
  text: [],
  rpc: ['errors'],
  schema: [],
  registry: ['errors'],
  tensor: [],
  volume: [],
  config: [],
  protocol: [],
  viewer: ['volume', 'protocol'],
  data: ['volume'],
  metrics: ['tensor', 'volume'],
  onnx: ['tensor'],
  nets: ['tensor', 'onnx'],
  runs: ['config', 'protocol', 'volume'],
  jobs: ['runs', 'config', 'protocol', 'volume'],
  extension: ['viewer', 'jobs', 'runs', 'config', 'protocol', 'volume'],
};
// The trainer's rooms: what a person can ask for, and what is trained.
const trainer = ['bench', 'check', 'compare', 'convert', 'downstream', 'evaluate', 'loader', 'locate', 'pretext', 'preview', 'segment', 'study', 'train']; // prettier-ignore
const below = ['onnx', 'nets', 'data', 'metrics', 'runs', 'config', 'tensor', 'volume', 'protocol'];
for (const room of [...trainer, 'cli']) rooms[room] = [...trainer, ...below];

const all = Object.keys(rooms);

/**
 * Rooms of things that have a light half (descriptor.ts, descriptors.ts) and a heavy half. Every room may import light halves;
 * they themselves import the leaf rooms and each other alone, so that the editor can load them without the tensor library.
 */
const described = ['nets'];
const light = String.raw`/(descriptors|descriptor|[\w-]+/descriptor)`;

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
  const allowed = String.raw`(json-schema-to-ts|(\.\./)+(${leaves.join('|')})(/.*)?|\.{1,2}(/\.\.)*${light})`;
  const message = `light halves of src/${room} import leaf rooms and each other alone: see docs/architecture.md`;
  return {
    files: ['descriptor', 'descriptors', '*/descriptor'].map((name) => `src/${room}/${name}.ts`),
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
  ...all.map(roomRules),
  ...described.map(lightRules),
  ...folderRules('src/extension', features, ['shared', 'panel'], [services]),
  ...folderRules('webview', pages, ['ui']),
  {
    files: ['webview/**/*.ts'],
    rules: {
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
