import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  bool,
  count,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  int64,
  lookup,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { startServer } from '../../src/server/http-server.ts';

/** JSON of a value of each type that a key can have; what a double cannot hold is among them. */
const keys = [
  ['text', text, '"ann"'],
  ['text with quotes and backslashes', text, String.raw`"O'Hara \\' \" ;--"`],
  ['text with NUL', text, String.raw`"\u0000ann\u0000'"`],
  ['text of NUL alone', text, String.raw`"\u0000"`],
  ['an int', int, '7'],
  ['an int64 that no double holds', int64, '9007199254740993'],
  ['an int64 as text', int64, '"9223372036854775807"'],
  ['a decimal that no double holds', () => decimal(2), '90071992547409.93'],
  ['a bool', bool, 'true'],
  ['a time', time, '1767614400000'],
] as const;

test.each(keys)('an entity with a key of %s is forgotten over HTTP', async (_, columnOf, value) => {
  // One of many types, which the declaration need not know apart.
  const column = columnOf as typeof text;
  const directory = mkdtempSync(join(tmpdir(), 'headrace-forget-route-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const events = eventSource('events', { id: 'id', time: 'at', columns: { id: text(), at: time(), user: column() } });
  const seen = streamView('seen', {
    source: events,
    entity: entity('user', { user: column() }),
    key: { user: 'user' },
    windows: ['1h'],
    freshness: '1s',
    features: () => ({ events: count() }),
  });
  const visitor = featureService('visitor', {
    request: { user: column() },
    join: (r) => ({ seen: lookup(seen, { user: r.user }) }),
  });
  const now = Date.UTC(2026, 0, 5, 12);
  const headrace = await openHeadrace({
    project: defineProject('site', { visitor }),
    environment: { directory, partitions: 1 },
    clock: () => now,
  });
  onTestFinished(() => headrace.close());
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  onTestFinished(() => server.close());
  const post = async (path: string, body: string) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${server.url}${path}`, { method: 'POST', headers, body });
    return { status: answer.status, text: await answer.text() };
  };
  expect(await post('/v1/events/events', `{"id":"a","at":${now - 1_000},"user":${value}}`)).toMatchObject({
    status: 200,
  });
  const count1h = async () => (await post('/v1/features/visitor', `{"request":{"user":${value}}}`)).text;
  expect(await count1h()).toContain('"seen_events_1h":1');
  expect(await post('/v1/admin/forget', `{"entity":"user","key":{"user":${value}}}`)).toMatchObject({ status: 200 });
  expect(await count1h()).toContain('"seen_events_1h":0');
  const lines = readFileSync(join(directory, 'audit.jsonl'), 'utf8').trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).outcome)).toEqual(['done']);
});
