import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { openPostgresRegistry } from '../../src/site/open-registry.ts';
import { modelRegistryContracts, newVersion } from '../../src/testing/contracts/model-registry.ts';
import { trackingContracts } from '../../src/testing/contracts/tracking-store.ts';
import { versionContracts, webhookFor } from '../../src/testing/contracts/version-registry.ts';
import { deliveredVersions } from '../models/delivered-versions.ts';
import { registrySite } from '../registry/registry-site.ts';
import { hasRecordings, recordings, replay, runScenarios, SEALED_STEPS } from '../registry/replay.ts';
import { until } from '../until.ts';
import { addressOf } from './addresses.ts';

const [url = ''] = addressOf('POSTGRES_URL');

/** Options of a schema that nobody else has. */
function freshSchema() {
  return { url, password: null, schema: `test_${randomUUID().replaceAll('-', '')}`, ca: null };
}

async function freshSite(): Promise<string> {
  return (await registrySite(await openPostgresRegistry(freshSchema()))).url;
}

describe('the registry on PostgreSQL keeps the rules of its port', () => {
  test.each([...modelRegistryContracts, ...trackingContracts, ...versionContracts])(
    'rule $rule: $name',
    async ({ run }) => {
      const options = freshSchema();
      await run({ open: () => openPostgresRegistry(options) });
    },
  );
});

test.skipIf(!hasRecordings).each(recordings)('%s on PostgreSQL', async (name) => {
  expect((await replay(await freshSite(), name)).differences.join('\n')).toBe('');
});

test.skipIf(!hasRecordings)('all steps of the scenarios on PostgreSQL', async () => {
  const { steps, failures } = await runScenarios(freshSite);
  expect(steps).toBe(44);
  expect(failures.map((failure) => failure.split(':')[0])).toEqual(SEALED_STEPS);
});

test('processes that are killed while they register lose nothing acknowledged, skip no number, and keep each delivery', async () => {
  const options = freshSchema();
  const first = await openPostgresRegistry(options);
  await first.putWebhook(webhookFor('w', { entity: 'model_version', action: 'created' }));
  await first.close();
  const script = `
    import { openPostgresRegistry } from ${JSON.stringify(new URL('../../src/site/open-registry.ts', import.meta.url).href)};
    import { newVersion } from ${JSON.stringify(new URL('../../src/testing/contracts/model-registry.ts', import.meta.url).href)};
    const registry = await openPostgresRegistry(${JSON.stringify(options)});
    for (;;) console.log((await registry.register(newVersion('m'))).version);`;
  const acknowledged = await Promise.all(
    [12, 20, 28].map(async (until) => {
      const child = spawn(process.execPath, ['--conditions=headrace-source', '--input-type=module', '-e', script]);
      const seen: number[] = [];
      for await (const line of createInterface({ input: child.stdout })) {
        seen.push(Number(line));
        if (seen.length === until) child.kill('SIGKILL');
      }
      return seen;
    }),
  );
  const registry = await openPostgresRegistry(options);
  const kept = (await registry.versions('m')).map(({ version }) => version);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => i + 1));
  expect(kept).toEqual(expect.arrayContaining(acknowledged.flat()));
  expect(await deliveredVersions(registry)).toEqual(kept);
  await registry.close();
});

test('a database that crashes and recovers in the middle of writes loses nothing acknowledged, and keeps no half of a change', async () => {
  const options = freshSchema();
  const registry = await openPostgresRegistry(options);
  await registry.putWebhook(webhookFor('w', { entity: 'model_version', action: 'created' }));
  const acknowledged: number[] = [];
  const faults = new Set<unknown>();
  let isOver = false;
  const write = async () => {
    while (!isOver)
      await registry.register(newVersion('m')).then(
        ({ version }) => acknowledged.push(version),
        (error: unknown) => faults.add(Object(error).code),
      );
  };
  const writers = Array.from({ length: 4 }, write);
  for (let crash = 1; crash <= 3; crash += 1) {
    const before = acknowledged.length;
    await until(() => acknowledged.length >= before + 15);
    await crashDatabase();
  }
  const before = acknowledged.length;
  await until(() => acknowledged.length >= before + 15);
  isOver = true;
  await Promise.all(writers);
  expect([...faults]).toEqual(['REGISTRY_AWAY']);
  const kept = (await registry.versions('m')).map(({ version }) => version);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => i + 1));
  expect(kept).toEqual(expect.arrayContaining(acknowledged));
  expect(await deliveredVersions(registry)).toEqual(kept);
  await registry.close();
});

/** Kills a server process of a registry's connection: PostgreSQL then ends all others, and recovers from its log. */
async function crashDatabase(): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'headrace registry'");
  process.kill(Number(rows[0].pid), 'SIGKILL');
  await client.end().catch(() => undefined);
}

test('a database that is away is a coded error that may be retried, and shows no password', async () => {
  const away = { url: 'postgres://headrace@127.0.0.1:1/postgres', password: 'hidden', schema: 'x', ca: null };
  await expect(openPostgresRegistry(away)).rejects.toMatchObject({
    code: 'REGISTRY_AWAY',
    retry: 'later',
    message: expect.not.stringContaining('hidden'),
  });
});
