import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { openSqliteRegistry, registryFile } from '../../src/site/open-registry.ts';
import { asked, small } from '../models/small-project.ts';
import { logModel } from './logged-onnx.ts';
import { event, judge, PARTITIONS, project, registerVersions, VERSIONS } from './stream-site.ts';

const START = Date.UTC(2026, 0, 1);

/** A stream whose model has versions of training jobs, and one that a client logged with the file of version 2. */
async function site() {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-stream-foreign-'));
  await registerVersions(directory);
  const registry = openSqliteRegistry(registryFile(directory));
  const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
  const { artifact, signature } = await registry.version('small', 2);
  const log = async (columns: readonly string[]) =>
    (
      await logModel(registry, artifacts, {
        model: 'small',
        onnx: Uint8Array.from(await artifacts.get(artifact)),
        columns,
      })
    ).version;
  const clock = { now: START };
  const faults: unknown[] = [];
  const open = () =>
    openHeadrace({
      project,
      environment: { directory, partitions: PARTITIONS },
      clock: () => clock.now,
      onFault: (error) => faults.push(error),
    });
  let sent = 0;
  const send = async (headrace: Awaited<ReturnType<typeof open>>, count: number) => {
    const events = Array.from({ length: count }, () => {
      sent += 1;
      clock.now += 1_000;
      return event(sent, clock.now);
    });
    await headrace.ingest(asked, events);
    await headrace.tick();
  };
  return { directory, registry, features: signature.features, log, faults, open, send };
}

test('a stream rolls to a version that a client logged and back: every record once, by the version of its offset', async () => {
  const { directory, registry, features, log, faults, open, send } = await site();
  const logged = await log(features);
  expect(logged).toBe(VERSIONS + 1);
  let headrace = await open();
  const stream = () => headrace.stream('scored');
  await send(headrace, 40);
  await stream().roll({ version: logged });
  await send(headrace, 40);
  expect(stream().status.rollingTo).toBeNull();
  await headrace.close();
  headrace = await open();
  await send(headrace, 20);
  const { next } = stream().status.partitions[0];
  // It runs the file of version 2, so it gives the same scores.
  const byLogged = await stream().reprocess(0, { from: 0, to: next, version: logged });
  const byTrained = await stream().reprocess(0, { from: 0, to: next, version: 2 });
  expect(byLogged.map(({ score }) => score)).toEqual(byTrained.map(({ score }) => score));
  await headrace.promote(small, 2);
  await headrace.tick();
  await send(headrace, 20);
  await headrace.close();
  await registry.close();
  expect(faults).toEqual([]);
  expect(await judge(directory)).toMatchObject({ records: 120, outputs: 120, lost: 0, double: 0, wrong: 0 });
});

test('a version that does not fit the service is refused by its code, and the stream continues with its own', async () => {
  const { registry, log, faults, open, send } = await site();
  const headrace = await open();
  const stream = headrace.stream('scored');
  await send(headrace, 10);
  await expect(stream.roll({ version: 99 })).rejects.toMatchObject({ code: 'REGISTRY_VERSION' });
  const other = await log(['other', 'names', 'than', 'the', 'service']);
  await stream.roll({ version: other });
  await send(headrace, 10);
  expect(faults).toMatchObject([{ code: expect.stringMatching(/^(MODEL_SIGNATURE|PYTHON_FLAVOR)$/) }]);
  expect(stream.status).toMatchObject({ rollingTo: null });
  expect(stream.status.partitions.map(({ waiting }) => waiting)).toEqual([0, 0, 0]);
  await headrace.close();
  await registry.close();
});

test('a version that is fed by other tags than at its cut-over is another one: the stream stops and says so', async () => {
  const { registry, features, log, faults, open, send } = await site();
  const logged = await log(features);
  let headrace = await open();
  await send(headrace, 10);
  await headrace.stream('scored').roll({ version: logged });
  await send(headrace, 10);
  await headrace.close();
  expect(faults).toEqual([]);
  const value = [...features].reverse().join();
  const tag = { key: 'headrace.features', value };
  await expect(registry.tagVersion('small', logged, tag, START)).rejects.toMatchObject({ code: 'REGISTRY_SEALED' });
  // Somebody who breaks the seal by hand.
  const held = (await registry.holds()).filter(({ version }) => version === logged);
  for (const { holder } of held) await registry.release(holder);
  await registry.tagVersion('small', logged, tag, START);
  headrace = await open();
  await send(headrace, 10);
  expect(faults).toMatchObject([{ code: 'STREAM_DIGEST' }]);
  expect(headrace.stream('scored').status.partitions.some(({ waiting }) => waiting > 0)).toBe(true);
  for (const { version, holder } of await registry.holds()) if (version === logged) await registry.release(holder);
  await registry.untagVersion('small', logged, 'headrace.features', START);
  await headrace.tick();
  expect(headrace.stream('scored').status.partitions.map(({ waiting }) => waiting)).toEqual([0, 0, 0]);
  await headrace.close();
  await registry.close();
});
