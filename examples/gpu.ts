import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Diagnoses ten minutes of two GPUs that are half idle: the sample of `headrace init --template gpu`.
const COMMAND = fileURLToPath(new URL('../src/cli/start.ts', import.meta.url));
const FOLDER = '.headrace/gpu';

function headrace(...args: readonly string[]): void {
  const call = ['--conditions=headrace-source', COMMAND, ...args];
  const { status } = spawnSync(process.execPath, call, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

rmSync(FOLDER, { recursive: true, force: true });
headrace('init', FOLDER, '--template', 'gpu');
headrace('gpu', 'diagnose', `${FOLDER}/data/dmon.txt`, `${FOLDER}/data/jobs.psv`, '--html', `${FOLDER}/gpu.html`);
console.log(`the same as a page: ${FOLDER}/gpu.html; files of your own: npm run -s headrace -- gpu diagnose FILE…`);
console.log('find such a cause yourself, in the lab: npm run -s headrace -- labs gpu-cluster');
