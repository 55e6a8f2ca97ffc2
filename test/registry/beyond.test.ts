import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { collectGarbage } from '../../src/registry/collect-garbage.ts';
import { copyVersion } from '../../src/registry/copy-version.ts';
import { lineageOf } from '../../src/registry/lineage.ts';
import { oneChunk, storeContent } from '../../src/registry/store-content.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { newVersion } from '../../src/testing/contracts/model-registry.ts';
import { MemoryArtifactStore } from '../memory/artifact-store.ts';
import { call, registrySite } from './registry-site.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);

async function versioned(site: { readonly url: string }, tags: readonly object[] = []): Promise<void> {
  await fetch(`${site.url}/api/2.0/mlflow-artifacts/artifacts/1/m/model.pkl`, { method: 'PUT', body: 'a model' });
  await call(site, 'POST', '/mlflow/registered-models/create', { name: 'm' });
  await call(site, 'POST', '/mlflow/model-versions/create', { name: 'm', source: 'mlflow-artifacts:/1/m', tags });
}

test('a gate holds for MLflow clients too, and says what is missing; the move is kept with who made it', async () => {
  const site = await registrySite('memory');
  await versioned(site);
  await site.registry.setGate({
    model: 'm',
    alias: 'champion',
    name: 'review',
    kind: 'approval',
    people: [],
    validMs: null,
  });
  const set = () =>
    call(site, 'POST', '/mlflow/registered-models/alias', { name: 'm', alias: 'champion', version: '1' });
  expect(await set()).toMatchObject({
    status: 403,
    json: { error_code: 'PERMISSION_DENIED', message: expect.stringContaining('gate review') },
  });
  await site.registry.addVerdict('m', 1, { gate: 'review', passed: true, who: 'ann', at: Date.now(), note: '' });
  expect(await set()).toMatchObject({ status: 200 });
  expect(await site.registry.moves('m')).toMatchObject([
    { alias: 'champion', from: null, to: 1, why: 'set through MLflow' },
  ]);
});

test('a champion that lacks a feature of the service is refused to MLflow clients', async () => {
  const checkPromotion = async () => {
    throw Object.assign(new Error('not here'), { code: 'x' });
  };
  const site = await registrySite('memory', { checkPromotion });
  await versioned(site);
  expect(
    (await call(site, 'POST', '/mlflow/registered-models/alias', { name: 'm', alias: 'champion', version: '1' }))
      .status,
  ).toBe(500);
  expect(
    (await call(site, 'POST', '/mlflow/registered-models/alias', { name: 'm', alias: 'other', version: '1' })).status,
  ).toBe(200);
});

test('tags that a program in Python writes are the lineage of its version', async () => {
  const site = await registrySite('memory');
  const tags = {
    'headrace.service': 'departure@1',
    'headrace.code': 'abc123',
    'headrace.training_set': 'f'.repeat(64),
  };
  await versioned(
    site,
    Object.entries(tags).map(([key, value]) => ({ key, value })),
  );
  const record = await site.registry.versionRecord('m', 1);
  expect(record === null ? null : lineageOf(record)).toEqual({
    declaration: null,
    service: 'departure@1',
    trainingSet: 'f'.repeat(64),
    code: 'abc123',
    job: null,
    reference: null,
    decision: null,
    rows: null,
  });
});

test('a version is copied to another environment by the digests of its files, and a damaged one is not', async () => {
  const site = await registrySite('memory');
  await versioned(site);
  const to = { registry: openSqliteRegistry(':memory:'), artifacts: new MemoryArtifactStore() };
  const asked = { model: 'm', version: 1, at: 5, who: 'ann' };
  expect(await copyVersion(site, to, asked)).toBe(1);
  const [here, there] = [await site.registry.versionRecord('m', 1), await to.registry.versionRecord('m', 1)];
  expect(there?.digest).toBe(here?.digest);
  expect(new TextDecoder().decode(to.artifacts.get(there?.files[0].digest ?? ''))).toBe('a model');
  const lying = {
    ...to,
    artifacts: Object.assign(new MemoryArtifactStore(), { read: async () => oneChunk(bytesOf('other')) }),
  };
  await expect(
    copyVersion(lying, { registry: openSqliteRegistry(':memory:'), artifacts: new MemoryArtifactStore() }, asked),
  ).rejects.toMatchObject({
    code: 'ARTIFACT_DAMAGED',
  });
});

test('a webhook gets what it asked for, signed, after failures too; addresses that are not allowed get nothing', async () => {
  const received: { readonly body: string; readonly headers: Record<string, unknown> }[] = [];
  let failures = 2;
  const receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      failures -= 1;
      if (failures < 0) received.push({ body, headers: request.headers });
      response.writeHead(failures < 0 ? 200 : 500).end();
    });
  });
  await new Promise<void>((resolve) => void receiver.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void receiver.close());
  const base = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  let now = 1_000_000;
  const site = await registrySite('memory', { webhooks: [`${base}/hooks`], clock: () => now });
  const events = [{ entity: 'MODEL_VERSION', action: 'CREATED' }];
  const create = (url: string) => call(site, 'POST', '/mlflow/webhooks', { name: 'w', url, events, secret: 's3cret' });
  for (const url of [
    'http://127.0.0.1:1/hooks',
    `${base}/other`,
    `${base}/hooksx`,
    'file:///etc/passwd',
    'http://u:p@127.0.0.1/hooks',
  ])
    expect(await create(url), url).toMatchObject({ status: 400 });
  const created = await create(`${base}/hooks/a`);
  expect(created).toMatchObject({ status: 200, json: { webhook: { status: 'ACTIVE', events } } });
  expect(JSON.stringify(created.json)).not.toContain('s3cret');
  await versioned(site);
  for (let i = 0; i < 4; i += 1) {
    await site.deliver();
    now += 10_000;
  }
  expect(received).toHaveLength(1);
  const [{ body, headers }] = received;
  expect(JSON.parse(body)).toMatchObject({
    entity: 'model_version',
    action: 'created',
    data: { name: 'm', version: '1' },
  });
  const signed = `${headers['x-mlflow-delivery-id']}.${headers['x-mlflow-timestamp']}.${body}`;
  expect(headers['x-mlflow-signature']).toBe(`v1,${createHmac('sha256', 's3cret').update(signed).digest('base64')}`);
});

test('parts of an upload are one artefact, and one that is not as it was sent is refused', async () => {
  const site = await registrySite('memory');
  const begun = await call(site, 'POST', '/mlflow-artifacts/mpu/create/1/a', { path: '/tmp/big.bin', num_parts: 2 });
  const { upload_id, credentials } = begun.json as { upload_id: string; credentials: readonly { url: string }[] };
  const parts = [];
  for (const [i, { url }] of credentials.entries()) {
    const sent = await fetch(url, { method: 'PUT', body: `part ${i}, ` });
    parts.push({ part_number: i + 1, etag: sent.headers.get('etag') });
  }
  const complete = (asked: readonly object[]) =>
    call(site, 'POST', '/mlflow-artifacts/mpu/complete/1/a', { path: '/tmp/big.bin', upload_id, parts: asked });
  expect(await complete(parts.map((part) => ({ ...part, etag: '"x"' })))).toMatchObject({ status: 400 });
  expect(await complete(parts)).toMatchObject({ status: 200 });
  expect(await (await fetch(`${site.url}/api/2.0/mlflow-artifacts/artifacts/1/a/big.bin`)).text()).toBe(
    'part 0, part 1, ',
  );
  expect(await site.registry.filesUnder('#uploads')).toEqual([]);
});

type Step =
  | 'upload'
  | 'version'
  | 'delete version'
  | 'remove path'
  | 'hold'
  | 'release'
  | 'collect'
  | 'crash while collecting'
  | 'crash while uploading';

test('whatever collector and writers do in turn, a content that something needs is there', async () => {
  const steps = fc.array(
    fc.record({
      step: fc.constantFrom<Step>(
        'upload',
        'version',
        'delete version',
        'remove path',
        'hold',
        'release',
        'collect',
        'crash while collecting',
        'crash while uploading',
      ),
      which: fc.nat(2),
    }),
    { minLength: 5, maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (run) => {
      const [registry, artifacts] = [openSqliteRegistry(':memory:'), new MemoryArtifactStore()];
      let now = 1_000_000_000;
      await registry.register(
        newVersion('t', { artifact: artifacts.put(bytesOf('t')), parity: artifacts.put(bytesOf('p')) }),
      );
      await registry.createModel({ name: 'm', description: '', tags: [], at: 1 });
      // The work of every step begins before the step in front of it has ended.
      await Promise.all(run.map(({ step, which }) => work(step, which).catch(ignoreKnown)));
      for (const file of await registry.filesUnder(''))
        expect(await artifacts.size(file.digest), file.path).not.toBeNull();
      for (const { model, version } of (await registry.searchVersions({ filter: [], order: [], offset: 0, limit: 100 }))
        .rows) {
        const record = await registry.versionRecord(model, version);
        for (const file of record?.files ?? [])
          expect(await artifacts.size(file.digest), `${model} ${version}`).not.toBeNull();
        if (record?.trained != null) expect(await artifacts.size(record.trained.artifact)).not.toBeNull();
      }
      await registry.close();

      async function work(step: Step, which: number): Promise<void> {
        now += 1;
        const path = `f/${which}`;
        switch (step) {
          case 'upload': {
            const stored = await storeContent({ registry, artifacts }, oneChunk(bytesOf(`content ${which}`)), now);
            return registry.nameFile({ path, ...stored }, now);
          }
          case 'crash while uploading':
            return void (await storeContent({ registry, artifacts }, oneChunk(bytesOf(`content ${which}`)), now));
          case 'version': {
            const files = await registry.filesUnder(path);
            const named = files.map(({ digest, sizeBytes }) => ({ path: 'x', digest, sizeBytes }));
            const none = { run: '', runLink: '', loggedModel: '', user: '', description: '', tags: [] };
            return void (await registry.createVersion({
              ...none,
              model: 'm',
              source: path,
              files: named,
              digest: null,
              at: now,
            }));
          }
          case 'delete version':
            return registry.deleteVersion('m', which + 1, { at: now });
          case 'remove path':
            return void (await registry.unnameFiles(path));
          case 'hold':
            return registry.hold({ holder: `h${which}`, model: 'm', version: which + 1 });
          case 'release':
            return registry.release(`h${which}`);
          case 'collect':
            return void (await collectGarbage({ registry, artifacts }, now));
          case 'crash while collecting': {
            const dying = Object.assign(Object.create(artifacts) as MemoryArtifactStore, {
              digests: () => artifacts.digests(),
              clearStaged: async () => 0,
              erase: async (digest: string) => {
                await artifacts.erase(digest);
                throw new Error('killed');
              },
            });
            return void (await collectGarbage({ registry, artifacts: dying }, now));
          }
          default:
            return step satisfies never;
        }
      }
    }),
    { numRuns: 150 },
  );
});

function ignoreKnown(error: unknown): void {
  const isKnown = error instanceof Error && ('code' in error || error.message === 'killed');
  if (!isKnown) throw error;
}
