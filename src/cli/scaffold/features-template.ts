import { sampleData } from './sample-data.ts';
import { AGENTS, CONFIG, GITIGNORE, TSCONFIG } from './shared-texts.ts';
import { SHOP } from './shop-declaration.ts';
import { SHOP_TEST } from './shop-test.ts';
import { declaredPackages, type Template } from './template.ts';

const PROJECT = `import {
  count,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  lookup,
  mean,
  streamView,
  sum,
  text,
  time,
} from 'headrace';

${SHOP}
export default defineProject('shop', { visits, purchases, shopper });
`;

const README = `# shop

Visits and purchases become features. It needs Node 22.22 or newer.

| file | |
|---|---|
| project.ts | the declaration: sources, views, a feature service |
| headrace.config.ts | the environments that it runs in |
| project.test.ts | a test of the features, with a clock of its own |
| data | two weeks of visits and purchases, made up |

\`\`\`sh
npm install
npm test
npx headrace ingest visits=data/visits.csv purchases=data/purchases.csv --bootstrap
npx headrace features get shopper user=user-4
npx headrace dev
\`\`\`

\`dev\` serves the same vectors by HTTP, and starts again when a file changes:

\`\`\`sh
curl -s localhost:8080/v1/features/shopper -H content-type:application/json -d '{"request": {"user": "user-4"}}'
\`\`\`
`;

/** Features without a model. */
export const featuresTemplate: Template = {
  name: 'features',
  title: 'features only: events in, vectors and training sets out',
  packages: declaredPackages({ models: false }),
  next: ['npm test', 'npx headrace dev'],
  files: (now) => {
    const { visits, purchases } = sampleData(now);
    return {
      'project.ts': PROJECT,
      'headrace.config.ts': CONFIG,
      'project.test.ts': SHOP_TEST,
      'tsconfig.json': TSCONFIG,
      'README.md': README,
      'AGENTS.md': AGENTS,
      'data/visits.csv': visits,
      'data/purchases.csv': purchases,
      '.gitignore': GITIGNORE,
    };
  },
};
