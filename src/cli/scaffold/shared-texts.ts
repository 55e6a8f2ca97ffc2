/** Files of new projects that are the same in each with a declaration. */
export const CONFIG = `import { defineConfig } from 'headrace';
import project from './project.ts';

export default defineConfig({ project, environments: { local: {} } });
`;

export const TSCONFIG = `{
  "compilerOptions": {
    "target": "esnext",
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "noEmit": true,
    "erasableSyntaxOnly": true,
    "verbatimModuleSyntax": true,
    "allowImportingTsExtensions": true,
    "skipLibCheck": true
  },
  "include": ["*.ts"]
}
`;

export const NPMRC = `# The install script of onnxruntime-node fetches libraries for GPUs. They are not used, and it fails behind a firewall.
ignore-scripts=true
`;

export const GITIGNORE = `node_modules/
.headrace/
.venv/
training-set.parquet
`;

/** AGENTS.md of a project with a declaration. */
export const AGENTS = `# For agents

- \`npm test\` runs the tests, \`npm run types\` checks the types. Run both after each change.
- \`npx headrace plan\` shows what a change of project.ts would do, and changes nothing. A feature with a new meaning needs a new version: the plan says so.
- \`npx headrace --help\` lists the commands by task. Each takes \`--json\`: one JSON object on the last line of stdout.
- An error has a code, what is wrong, and a hint. Follow the hint.
- Read a vector with \`npx headrace features get <service> <key>=<value>\`, the state of a running server with \`npx headrace status\`.
- Never edit \`.headrace\`: it is the data. \`npx headrace dev --reset\` begins with no data.
- A test brings its own clock and directory: see project.test.ts.
`;
