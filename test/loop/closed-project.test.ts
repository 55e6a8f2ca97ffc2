import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { project, service } from './shop.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Opens a project, uses and scrapes it, closes it; what is left of it. */
async function closed(directory: string): Promise<WeakRef<object>> {
  const headrace = await openHeadrace({ project, environment: { directory } });
  await insideOf(headrace).features.read(service, { user: 'u1' });
  const { text } = await headrace.metrics();
  expect(text).toContain('process_cpu_seconds_total');
  expect(text).toContain('headrace_vector_read_seconds_count');
  await headrace.close();
  return new WeakRef(headrace);
}

test('nothing keeps a project that is closed', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'closed-project-'));
  const projects: WeakRef<object>[] = [];
  for (let i = 0; i < 3; i += 1) projects.push(await closed(directory));
  for (let turn = 0; turn < 20 && projects.some((project) => project.deref() !== undefined); turn += 1) {
    await setImmediate();
    collectGarbage();
  }
  expect(projects.map((project) => project.deref() === undefined)).toEqual([true, true, true]);
  rmSync(directory, { recursive: true, force: true });
});
