import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { openPostgresRegistry } from '../../src/compose/open-registry.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { newRollout, rolloutEvent, rolloutStoreContracts } from '../../src/testing/contracts/rollout-store.ts';
import { halfAtOnce, soldProject } from '../rollouts/sold-project.ts';
import { type Kind, registerKinds } from '../rollouts/versions.ts';
import { postgresRollouts } from '../sql-stores.ts';
import { addressOf } from './addresses.ts';

const [url = ''] = addressOf('POSTGRES_URL');

/** Options of a schema that nobody else has. */
function freshSchema() {
  return { url, password: null, schema: `test_${randomUUID().replaceAll('-', '')}`, ca: null };
}

describe('the rollouts on PostgreSQL keep the rules of their port', () => {
  test.each(rolloutStoreContracts)('rule $rule: $name', async ({ run }) => {
    const options = freshSchema();
    await run({ open: () => postgresRollouts(options) });
  });
});

test('of many servers that start or change one rollout at once, one does', async () => {
  const options = freshSchema();
  const stores = await Promise.all(Array.from({ length: 4 }, () => postgresRollouts(options)));
  const starts = await Promise.allSettled(
    stores.map(async (store, i) => store.start(newRollout(`r-${i}`), rolloutEvent(newRollout(`r-${i}`)))),
  );
  expect(starts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const one of starts) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'ROLLOUT_ACTIVE' });
  const started = await stores[0].newest('m');
  if (started === null) throw new Error('no rollout has started');
  const next = { ...started, revision: 2 };
  const changes = await Promise.allSettled(
    stores.map(async (store) => store.change(next, rolloutEvent(next, 'tuned'))),
  );
  expect(changes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect((await stores[3].events(started.id)).map(({ revision }) => revision)).toEqual([1, 2]);
  for (const store of stores) await store.close();
});

describe('servers of two machines over one PostgreSQL', () => {
  const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'headrace-hosts-')));
  const hosts: Headrace[] = [];
  afterAll(async () => {
    for (const host of hosts) await host.close();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  /** A host has its own directory; the registry and the rollouts are shared, and artefacts are there twice. */
  async function open(schema: string): Promise<void> {
    const registry = { kind: 'postgres', url, schema } as const;
    for (const directory of folders)
      hosts.push(await openHeadrace({ project: soldProject(halfAtOnce), environment: { directory, registry } }));
  }

  test('answer the same cohort, also after one of them has died, and its evidence counts', async () => {
    const options = freshSchema();
    const kinds: readonly Kind[] = ['good', 'good'];
    const registry = await openPostgresRegistry(options);
    await registerKinds(
      registry,
      folders.map((folder) => new FileArtifactStore(join(folder, 'artifacts'))),
      { model: 'sold', kinds },
    );
    await registry.close();
    await open(options.schema);
    const [first, second] = hosts;
    await first.rollout({ name: 'sold' }).start(2, { by: 'test', reason: 'retrained' });
    await second.tick();
    const ask = async (host: Headrace, prefix: string) => {
      const requests = Array.from({ length: 64 }, (_, i) => ({
        id: `${prefix}-${i}`,
        request: { name: `caller ${i}`, number: 0.5, gaps: null, category: 1 },
      }));
      return (await host.predictMany(host.model('sold'), requests)).map(({ cohort }) => cohort);
    };
    const before = await ask(first, 'a');
    expect(new Set(before)).toEqual(new Set(['canary', 'baseline']));
    expect(await ask(second, 'b')).toEqual(before);
    await first.tick();
    await hosts.shift()?.close();
    expect(await ask(second, 'c')).toEqual(before);
    await second.tick();
    const status = await second.rollout({ name: 'sold' }).status();
    expect((status?.evidence.canary.requests ?? 0) + (status?.evidence.baseline.requests ?? 0)).toBe(3 * 64);
  });
});
