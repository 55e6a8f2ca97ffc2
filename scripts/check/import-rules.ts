import type { IForbiddenRuleType } from 'dependency-cruiser';

/** Folders that a folder of src may import besides itself; what is not named here is named in `rules` below. */
const pure = ['base', 'schema', 'stats', 'features', 'model', 'ports'];

/**
 * The other products that a product may import; what it shares with the rest it finds in the pure folders. Training reads training sets
 * of the feature store; it shares declarations, registry and offline store with serving, and nothing else. The feature store knows nothing of monitoring, and monitoring nothing of the feature store.
 * A loaded version knows who registered it, and nothing of those who ask it.
 * Statistics know no incident: findings stand on monitoring, and the playbook on findings.
 */
const usedBy = {
  registry: [],
  versions: ['registry'],
  gpu: [],
  cost: ['gpu'],
  featurestore: ['registry'],
  training: ['registry', 'featurestore', 'cost'],
  serving: ['registry', 'versions', 'featurestore'],
  monitoring: ['registry', 'versions', 'serving'],
  findings: ['registry', 'monitoring'],
  playbook: ['registry', 'versions', 'training', 'serving', 'monitoring', 'findings'],
  operating: ['registry', 'featurestore', 'serving', 'monitoring'],
} as const;
const products = Object.keys(usedBy);

const zod = 'node_modules/zod/';

/** Clients that a user installs who wants their back end; here they are installed for the tests. */
const peers = [
  '@aws-sdk/client-s3',
  'node_modules/redis/',
  'node_modules/pg/',
  'node_modules/@types/pg/',
  '^pg$',
  'node_modules/aws4fetch/',
  '@platformatic/kafka',
  '@bufbuild/protobuf',
  '@opentelemetry/',
  '@grpc/grpc-js',
  'node_modules/onnxruntime-node/',
  '@modelcontextprotocol/sdk',
  'node_modules/nodemailer/',
  'node_modules/fastify/',
  'node_modules/lmdb/',
  'node_modules/prom-client/',
];

/** The schema of a back end's options in the configuration. */
const backEndOptions = '^src/backends/[^/]+/options\\.ts$';

/** Folders that products may import besides the pure ones. */
const grounds = ['environment', 'files', 'observe', 'schedule', 'process'];

/**
 * The directions of imports: base, then schema and stats, then features, then model, then ports, then files, environment, observe and schedule,
 * then process and report, then the products, then site, then running, then labs, then server and cli. Every rule has a seeded violation in
 * test/ground/seeded/imports, which the check must catch.
 */
export const importRules: readonly IForbiddenRuleType[] = [
  pureFolder('base', ['base'], []),
  pureFolder('schema', ['base', 'schema'], [zod]),
  pureFolder('stats', ['base', 'stats'], [zod]),
  pureFolder('features', ['base', 'schema', 'stats', 'features'], [zod]),
  pureFolder('model', ['base', 'schema', 'stats', 'features', 'model'], [zod]),
  pureFolder('ports', pure, [zod]),
  {
    name: 'observe',
    comment: 'Figures, health and status know parts, not products: a product declares its own.',
    severity: 'error',
    from: { path: '^src/observe/' },
    to: { path: '^src/', pathNot: folders([...pure, 'observe']) },
  },
  {
    name: 'grounds',
    comment: 'Configuration and schedules know declarations, not products; of a back end they know its options.',
    severity: 'error',
    from: { path: '^src/(environment|schedule)/' },
    to: { path: '^src/', pathNot: [folders([...pure, 'files']), '^src/$1/', backEndOptions] },
  },
  {
    name: 'files',
    comment: 'Files know errors, and nothing else of Headrace.',
    severity: 'error',
    from: { path: '^src/files/' },
    to: { path: '^src/', pathNot: ['^src/files/', '^src/base/'] },
  },
  {
    name: 'process',
    comment: 'The host of children knows programs, not what they do.',
    severity: 'error',
    from: { path: '^src/process/' },
    to: { path: '^src/', pathNot: folders(['base', 'process']) },
  },
  {
    name: 'report',
    comment: 'The page of a report knows its JSON, not the product that it is of.',
    severity: 'error',
    from: { path: '^src/report/' },
    to: { path: '^src/', pathNot: folders(['base', 'environment', 'report']) },
  },
  {
    name: 'children',
    comment: 'Children are started by the folder process alone: they end with their parent.',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/process/' },
    to: { path: '^(node:)?child_process$', dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'products',
    comment:
      'A product imports what is pure, its grounds and other products: no back end, nothing composed of products.',
    severity: 'error',
    from: { path: folders(products) },
    to: { path: '^src/', pathNot: folders([...pure, ...grounds, ...products]) },
  },
  ...Object.entries(usedBy).map(([name, used]) => productRule(name, used)),
  {
    name: 'client',
    comment:
      'The client runs in browsers: of Headrace it takes the forms of answers, its own errors and the types of declarations.',
    severity: 'error',
    from: { path: '^src/client/' },
    to: {
      pathNot: [
        '^src/client/',
        '^src/base/errors/(client|row)\\.ts$',
        '^src/schema/(column|decimal|parse-type-text|tensor|vector-format)\\.ts$',
        '^src/features/define/',
      ],
    },
  },
  {
    name: 'backends',
    comment: 'A back end imports pure folders, files and process, never a product or another back end.',
    severity: 'error',
    from: { path: '^src/backends/([^/]+)/' },
    to: { path: '^src/', pathNot: [folders([...pure, 'files', 'process']), '^src/backends/$1/'] },
  },
  {
    name: 'site',
    comment: 'Only site chooses back ends; configuration checks their options.',
    severity: 'error',
    from: { path: '^src/', pathNot: ['^src/site/', '^src/backends/'] },
    to: { path: '^src/backends/', pathNot: backEndOptions },
  },
  {
    name: 'testing',
    comment: 'Published contracts and oracles stand on what is pure, and on fast-check.',
    severity: 'error',
    from: { path: '^src/testing/' },
    to: {
      pathNot: [folders([...pure, 'testing']), 'node_modules/fast-check/', '^(node:|assert$|fs$|path$|os$|crypto$)'],
    },
  },
  {
    name: 'untested-testing',
    comment: 'What runs in production does not import testing, but the command that runs the rules.',
    severity: 'error',
    from: { path: '^src/', pathNot: ['^src/testing/', '^src/cli/operating/run-verify\\.ts$'] },
    to: { path: '^src/testing/' },
  },
  {
    name: 'running',
    comment: 'A running project is opened by the edges; nothing that it is made of knows it.',
    severity: 'error',
    from: { path: '^src/', pathNot: ['^src/(running|labs|server|cli)/', '^src/index\\.ts$'] },
    to: { path: '^src/running/' },
  },
  {
    name: 'labs',
    comment: 'A lab runs systems of its own: only the edges know it.',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/(labs|server|cli)/' },
    to: { path: '^src/labs/' },
  },
  {
    name: 'root',
    comment: 'The root of src holds the page of exports alone.',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/index\\.ts$' },
    to: { path: '^src/[^/]+\\.ts$' },
  },
  {
    name: 'edges',
    comment: 'Server and cli are the last to import: nothing stands on them but the page of exports.',
    severity: 'error',
    from: { path: '^src/', pathNot: ['^src/(server|cli)/', '^src/index\\.ts$'] },
    to: { path: '^src/(server|cli)/' },
  },
  {
    name: 'server-cli',
    comment: 'The command line starts the server, not the other way round.',
    severity: 'error',
    from: { path: '^src/server/' },
    to: { path: '^src/cli/' },
  },
  {
    name: 'outside',
    comment: 'What is published imports nothing that is not.',
    severity: 'error',
    from: { path: '^src/' },
    to: { path: '^(test|examples|bench|scripts|console)/' },
  },
  {
    name: 'examples',
    comment: 'An example imports what a user can import.',
    severity: 'error',
    from: { path: '^examples/' },
    to: { path: '^(src|test|bench|scripts)/', pathNot: '^src/(index|testing/index)\\.ts$' },
  },
  {
    name: 'declared',
    comment: 'Every package that is imported is declared, and not as one for development.',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/testing/' },
    to: { pathNot: peers, dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown'] },
  },
  {
    name: 'circular',
    comment:
      'No folder stands on itself; the files of one folder may call each other, as those of a recursive tree do.',
    severity: 'error',
    from: { path: '^(.+)/[^/]+$' },
    to: { circular: true, via: { pathNot: '^$1/[^/]+$' } },
  },
];

/** A product that imports the named ones alone. */
function productRule(name: string, used: readonly string[]): IForbiddenRuleType {
  return {
    name: `product-${name}`,
    comment: `Of the products, ${name} imports ${used.length === 0 ? 'none' : used.join(', ')}.`,
    severity: 'error',
    from: { path: `^src/${name}/` },
    to: { path: folders(products), pathNot: folders([name, ...used]) },
  };
}

/** A folder without Node built-ins and packages that imports the named folders only. */
function pureFolder(name: string, allowed: readonly string[], packages: readonly string[]): IForbiddenRuleType {
  return {
    name,
    comment: `${name} imports only ${allowed.join(', ')}${packages.length === 0 ? '' : ' and zod'}.`,
    severity: 'error',
    from: { path: `^src/${name}/` },
    to: { pathNot: [folders(allowed), ...packages] },
  };
}

function folders(names: readonly string[]): string {
  return `^src/(${names.join('|')})/`;
}
