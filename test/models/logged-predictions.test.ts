import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { topicName } from '../../src/backends/kafka/topic-name.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { startServer } from '../../src/server/http-server.ts';
import { predictionTopic } from '../../src/serving/online/prediction-record.ts';
import { environmentIn, prepare, project } from '../loop/prediction-project.ts';
import { asked, came, small } from './small-project.ts';

async function newDirectory(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-logged-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  await prepare(directory);
  return directory;
}

const faults: unknown[] = [];
const open = (directory: string) =>
  openHeadrace({ project, environment: environmentIn(directory), onFault: (error) => faults.push(error) });

const requestOf = (name: string) => ({ name, number: 3, gaps: null, category: 1 });

async function idsOf(headrace: Headrace): Promise<readonly string[]> {
  await headrace.flush();
  const ids: string[] = [];
  const stored = headrace.history.tables().find(({ table }) => table.name === 'predictions/small');
  if (stored === undefined) return ids;
  for await (const rows of headrace.history.query(
    `SELECT id FROM ${headrace.history.relation(stored.table)} ORDER BY id`,
  ))
    ids.push(...rows.map(([id]) => String(id)));
  return ids;
}

test('a forgotten entity has no prediction in the log, nor in a history that is made again from it', async () => {
  const directory = await newDirectory();
  let headrace = await open(directory);
  for (const [i, name] of ['eve', 'ann', 'eve', 'bob'].entries()) {
    await headrace.ingest(asked, [{ id: `${name}${i}`, at: Date.now(), ...requestOf(name) }]);
    await headrace.predict(small, `${name}${i}`, requestOf(name));
  }
  const { stores } = await headrace.forget('name', { name: 'eve' });
  expect(stores.filter(({ name }) => name.includes('predictions'))).toEqual([
    { store: 'log', name: predictionTopic(small), before: 2, after: 0 },
    { store: 'history', name: 'predictions/small', before: 2, after: 0 },
  ]);
  expect(await idsOf(headrace)).toEqual(['ann1', 'bob3']);
  await headrace.close();
  rmSync(join(directory, 'offline'), { recursive: true });
  headrace = await open(directory);
  expect(await idsOf(headrace)).toEqual(['ann1', 'bob3']);
  expect(headrace.outcomes(small).counters).toMatchObject({ predictions: 2, pending: 2 });
  await headrace.close();
});

test('a prediction that the log could not keep as it is is refused over HTTP, before it is scored', async () => {
  const headrace = await open(await newDirectory());
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 10_000 });
  const ask = async (body: string) => {
    const answer = await fetch(`${server.url}/v1/predictions/small`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    return { status: answer.status, body: (await answer.json()) as unknown };
  };
  const request = JSON.stringify(requestOf('ann'));
  for (const id of ['""', '"\\ud800"'])
    expect(await ask(`{"id":${id},"request":${request}}`)).toMatchObject({
      status: 400,
      body: { error: { code: 'PREDICTION_VALUE' } },
    });
  expect(await ask(`{"id":"é","request":${request}}`)).toMatchObject({ status: 200 });
  expect(await idsOf(headrace)).toEqual(['é']);
  await server.close();
  await headrace.close();
});

test('a log with a record of a later version keeps the project open, and says what it is behind with until it is read', async () => {
  const directory = await newDirectory();
  let headrace = await open(directory);
  await headrace.predict(small, 'p1', requestOf('ann'));
  await headrace.close();
  const log = openEventLog({ path: join(directory, 'log'), durability: 'process' });
  log.openTopic(predictionTopic(small), 1);
  const payload = new TextEncoder().encode('{"format":2}');
  const ends = await log.ends(predictionTopic(small));
  for (const [partition, { lastIngestTs }] of ends.entries()) {
    const ingestTs = Math.max(lastIngestTs, Date.now());
    await log.append(predictionTopic(small), partition, [{ id: 'later', ts: 0, ingestTs, payload }]);
  }
  await log.close();
  faults.length = 0;
  headrace = await open(directory);
  await headrace.tick();
  await headrace.tick();
  expect(headrace.degraded()).toEqual([expect.stringContaining('model small is behind its predictions')]);
  expect(faults).toMatchObject([{ code: 'PREDICTION_RECORD' }]);
  await headrace.predict(small, 'p2', requestOf('ann'));
  await headrace.ingest(came, [{ id: 'l1', at: Date.now(), asked: 'p2', good: true }]);
  await expect(headrace.flush()).rejects.toMatchObject({ code: 'PREDICTION_RECORD' });
  await insideOf(headrace).stores.log.blank?.(predictionTopic(small), 0, ({ id }) => id === 'later');
  await headrace.tick();
  expect(headrace.degraded()).toEqual([]);
  expect(await idsOf(headrace)).toEqual(['p1', 'p2']);
  expect(headrace.outcomes(small).counters).toMatchObject({ predictions: 2, labelled: 1, pending: 1, orphanLabels: 0 });
  await headrace.close();
});

test('the topic of a model with the longest name is one that Kafka takes', () => {
  const name = 'm'.repeat(63);
  expect(topicName('site.', predictionTopic({ name }))).toBe(`site.predictions-${name}.1`);
});
