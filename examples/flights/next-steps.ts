import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunCheck } from './checks.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What a newcomer does next. Its commands work as they are printed, in the folder of the repository. */
export interface NextStep {
  readonly purpose: string;
  readonly command: string;
}

export function nextSteps(url: string, at: number, folder = freeFolder()): readonly NextStep[] {
  const request = { origin: 'ORD', destination: 'LGA', scheduled: at, distance: 733 };
  const body = JSON.stringify({ id: `mine-${process.pid}`, request });
  return [
    {
      purpose: 'ask for a prediction',
      command: `curl -sf ${url}/v1/predictions/late_departure -H content-type:application/json -d '${body}'`,
    },
    { purpose: 'see each declared budget with its measurement', command: `npm run -s headrace -- slo ${url}` },
    { purpose: 'begin a project of your own', command: `npm run -s headrace -- init ${folder}` },
  ];
}

/** Runs each command as it is printed. The project that they make is removed. */
export async function checkNextSteps(url: string, at: number): Promise<RunCheck> {
  const folder = freeFolder();
  const failed: string[] = [];
  for (const { command } of nextSteps(url, at, folder)) {
    const child = spawn('sh', ['-c', command], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
    const [code] = await once(child, 'exit');
    if (code !== 0) failed.push(`${command} ended with ${code}`);
  }
  rmSync(folder, { recursive: true, force: true });
  return {
    name: 'the commands at the end work as they are printed',
    passed: failed.length === 0,
    found: failed.length === 0 ? 'each ended with 0' : failed.join('; '),
  };
}

/** A folder that does not exist yet. */
function freeFolder(): string {
  for (let n = 1; ; n += 1) {
    const folder = join(tmpdir(), `my-project${n === 1 ? '' : `-${n}`}`);
    if (!existsSync(folder)) return folder;
  }
}
