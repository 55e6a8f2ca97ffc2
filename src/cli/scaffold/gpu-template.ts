import { seededRandom } from '../../base/rng.ts';
import { dmonLog, nodeJobRecords } from '../../labs/captures/sample-gpu.ts';
import { CALL_HEADRACE, commandPackages, type Template } from './template.ts';

const TEST = `${CALL_HEADRACE}
test('the diagnosis says that the GPUs are held and idle, and how much of it no job holds', () => {
  const alone = headrace('gpu', 'diagnose', 'data/dmon.txt');
  assert.equal(alone.findings[0].cause, 'scheduling');
  const withJobs = headrace('gpu', 'diagnose', 'data/dmon.txt', 'data/jobs.psv');
  assert.match(withJobs.findings[0].title, /no job holds the GPUs/);
});
`;

const README = `# Why are the GPUs at 45 %?

Files of nvidia-smi, DCGM, Slurm, PyTorch Profiler or Nsight go in. A ranked diagnosis comes out, with evidence, a fix and the expected gain. It
needs Node 22.22 or newer, and no GPU.

| file | |
|---|---|
| data/dmon.txt | ten minutes of two GPUs, made up, as \`nvidia-smi dmon -s putcm -o TD -d 1\` writes them |
| data/jobs.psv | the jobs of the node, as \`sacct -P -N NODE\` writes them |
| gpu.test.js | what the diagnosis must find |

\`\`\`sh
npm install
npm test
npm run diagnose
npx headrace gpu diagnose data/dmon.txt data/jobs.psv --html gpu.html
\`\`\`

A trace of your own: \`npx headrace gpu diagnose trace.json\`, the file that PyTorch Profiler exports.
`;

const AGENTS = `# For agents

- \`npm test\` diagnoses the files of \`data\` and says what the diagnosis must find.
- \`npx headrace gpu diagnose <file>… --json\` prints one JSON object. \`findings\` are ranked: the first is to be fixed first.
- Each finding has its evidence and a way to disprove it. Try that before you change a program.
- An error has a code, what is wrong, and a hint. Follow the hint.
`;

const NPMRC = `# DuckDB is for features and for drift of files; a diagnosis does not need it.
omit=optional
`;

/** Files of GPUs are diagnosed; no declaration, no server. */
export const gpuTemplate: Template = {
  name: 'gpu',
  title: 'GPU diagnosis only: files of nvidia-smi, Slurm or a profiler, no server',
  packages: commandPackages({ diagnose: 'headrace gpu diagnose data/dmon.txt data/jobs.psv' }),
  next: ['npm test', 'npm run diagnose'],
  npmSettings: { '.npmrc': NPMRC },
  files: () => ({
    'gpu.test.js': TEST,
    'README.md': README,
    'AGENTS.md': AGENTS,
    'data/dmon.txt': dmonLog(seededRandom(45)),
    'data/jobs.psv': nodeJobRecords(),
    '.gitignore': 'node_modules/\ngpu.html\n',
  }),
};
