import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FlinkCluster } from '../../src/backends/flink/cluster.ts';
import { FlinkTileJobs } from '../../src/backends/flink/tile-jobs.ts';

const TIMEOUT_MS = 5_000;
const KEY = '0123abcd';

/** A job manager that has one job until it is begun again, without a memory. */
async function jobManager(): Promise<{ readonly url: string; forget(): void }> {
  let jobs: readonly object[] = [{ jid: 'j1', name: `headrace shop ${KEY}`, state: 'RUNNING' }];
  const server = createServer((request, response) => {
    const answers: Readonly<Record<string, unknown>> = {
      '/config': { 'flink-version': '2.3.0' },
      '/jobs/overview': { jobs },
      '/jobmanager/config': [],
    };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answers[request.url ?? ''] ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    forget: () => {
      jobs = [];
    },
  };
}

test('an upgrade does not wait for a job that its job manager has forgotten', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lost-job-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const manager = await jobManager();
  const jobs = new FlinkTileJobs({
    key: KEY,
    job: { properties: {}, statements: [] },
    secrets: {},
    namespace: 'shop',
    cluster: new FlinkCluster(manager.url, TIMEOUT_MS),
    gateway: manager.url,
    path: join(directory, 'flink.json'),
    clock: Date.now,
    timeoutMs: TIMEOUT_MS,
    prepare: async () => undefined,
    logEnds: async () => ({ clicks: [5] }),
    done: async () => ({}),
    compare: async () => ({ keys: 0, tiles: 0 }),
  });
  await expect(jobs.upgrade(() => manager.forget())).rejects.toMatchObject({
    code: 'TILES_FAILED',
    facts: { job: 'j1', state: 'LOST' },
  });
});
