import { sampleOrders } from './sample-drift.ts';
import { CALL_HEADRACE, commandPackages, type Template } from './template.ts';

const TEST = `${CALL_HEADRACE}
test('the changed prices are drift, the missing ages are a fault, and the countries are neither', () => {
  const { verdict, faults, features } = headrace('drift', 'compare', 'data/reference.csv', 'data/current.csv');
  const stateOf = (name) => features.find((feature) => feature.name === name)?.state;
  assert.equal(verdict, 'fault');
  assert.deepEqual(faults.flatMap(({ columns }) => columns), ['age']);
  assert.equal(stateOf('price'), 'drift');
  assert.equal(stateOf('country'), 'ok');
});
`;

const README = `# Drift of files

Two files are compared: faults of the data first, then the features that drifted, by effect, evidence and usual spread. It needs Node
22.22 or newer, and no server.

| file | |
|---|---|
| data/reference.csv, data/current.csv | two weeks of orders, made up; take Parquet or CSV of your own instead |
| drift.test.js | what the comparison must find |

\`\`\`sh
npm install
npm test
npm run report
npx headrace drift compare data/reference.csv data/current.csv --slice country
npx headrace drift profile data/reference.csv reference.profile
\`\`\`

\`report\` writes drift.html: one file that loads nothing. A nightly job compares with \`--json\` and reads \`verdict\`.
`;

const AGENTS = `# For agents

- \`npm test\` compares the two files of \`data\` and says what the comparison must find.
- \`npx headrace drift compare <reference> <current> --json\` prints one JSON object: \`verdict\`, \`faults\`, \`features\`. A fault comes before drift.
- \`npx headrace drift compare --help\` has the options: rules, slices, seasons, columns to leave out.
- An error has a code, what is wrong, and a hint. Follow the hint.
`;

/** Two files are compared; no declaration, no server. */
export const driftTemplate: Template = {
  name: 'drift',
  title: 'drift of files only: compare two tables, no server',
  packages: commandPackages({
    report: 'headrace drift compare data/reference.csv data/current.csv --html drift.html',
  }),
  next: ['npm test', 'npm run report'],
  files: () => {
    const { reference, current } = sampleOrders();
    return {
      'drift.test.js': TEST,
      'README.md': README,
      'AGENTS.md': AGENTS,
      'data/reference.csv': reference,
      'data/current.csv': current,
      '.gitignore': 'node_modules/\ndrift.html\n',
    };
  },
};
