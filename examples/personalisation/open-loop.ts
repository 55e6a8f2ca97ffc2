import { spawn } from 'node:child_process';
import type { LoadPlan, LoadResult } from './load.ts';

/** Runs the load generator in its own process. */
export async function openLoop(url: string, plan: Omit<LoadPlan, 'port' | 'path'>): Promise<LoadResult> {
  const { hostname, port, pathname } = new URL(url);
  if (hostname !== '127.0.0.1') throw new Error(`${url} is not on loopback`);
  const child = spawn(process.execPath, [new URL('./load.ts', import.meta.url).pathname], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify({ ...plan, port: Number(port), path: pathname } satisfies LoadPlan));
  let text = '';
  for await (const chunk of child.stdout) text += String(chunk);
  return JSON.parse(text) as LoadResult;
}
