import { sampleData } from './sample-data.ts';
import { AGENTS, CONFIG, GITIGNORE, NPMRC, TSCONFIG } from './shared-texts.ts';
import { SHOP } from './shop-declaration.ts';
import { SHOP_TEST } from './shop-test.ts';
import { declaredPackages, type Template } from './template.ts';
import { TRAIN_PY } from './train-program.ts';

const PROJECT = `import { fileURLToPath } from 'node:url';
import {
  count,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  gt,
  lookup,
  mean,
  model,
  streamView,
  sum,
  text,
  time,
} from 'headrace';

${SHOP}
/** Will the user buy within an hour of the visit? */
export const buys = model('buys', {
  task: 'binary',
  service: shopper,
  spine: { from: visits, id: 'id' },
  label: { from: purchases, id: 'id', value: (e) => gt(e.price, 0), otherwise: false, within: '1h' },
  train: { with: { kind: 'command', command: ['python3', fileURLToPath(new URL('train.py', import.meta.url))] } },
});

export default defineProject('shop', { visits, purchases, buys });
`;

const REQUIREMENTS = `numpy
onnx
pandas
pyarrow
`;

const README = `# shop

Visits and purchases become features, and features predict whether a visit ends in a purchase. It needs Node 22.22 or newer;
training needs Python 3.10 or newer.

| file | |
|---|---|
| project.ts | the declaration: sources, views, a feature service, a model |
| headrace.config.ts | the environments that it runs in |
| project.test.ts | a test of the features, with a clock of its own |
| train.py | trains the model: from a Parquet file to an ONNX file |
| data | two weeks of visits and purchases, made up |

\`\`\`sh
npm install
npm test
npx headrace ingest visits=data/visits.csv purchases=data/purchases.csv --bootstrap
npx headrace features get shopper user=user-4
python3 -m venv .venv && . .venv/bin/activate && pip install -r requirements.txt
npx headrace train buys --promote
npx headrace dev
\`\`\`

In another terminal:

\`\`\`sh
curl -s localhost:8080/v1/predictions/buys -H content-type:application/json -d '{"id": "p1", "request": {"user": "user-4"}}'
\`\`\`

\`dev\` starts again when a file changes, and \`dev --reset\` begins with no data. \`serve\` is for production. For pandas:

\`\`\`sh
npx headrace training-set buys --out training-set.parquet
\`\`\`
`;

/** Features and a model that a program in Python trains. */
export const modelTemplate: Template = {
  name: 'model',
  title: 'features and a model: trained in Python, served as ONNX',
  packages: declaredPackages({ models: true }),
  next: ['npm test', 'npx headrace dev'],
  npmSettings: { '.npmrc': NPMRC },
  files: (now) => {
    const { visits, purchases } = sampleData(now);
    return {
      'project.ts': PROJECT,
      'headrace.config.ts': CONFIG,
      'project.test.ts': SHOP_TEST,
      'tsconfig.json': TSCONFIG,
      'README.md': README,
      'AGENTS.md': AGENTS,
      'train.py': TRAIN_PY,
      'requirements.txt': REQUIREMENTS,
      'data/visits.csv': visits,
      'data/purchases.csv': purchases,
      '.gitignore': GITIGNORE,
    };
  },
};
