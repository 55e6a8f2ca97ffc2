import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type EnvironmentOptions, resolveEnvironment } from '../../src/environment/config.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { project } from '../services/clicks.ts';
import { until } from '../until.ts';

const brokers = ['127.0.0.1:1'];

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'source-options-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const refusedOf = (environment: unknown) => () =>
  resolveEnvironment('local', environment as EnvironmentOptions, 'site');

test('a wrong option of a topic is refused by its name', () => {
  const of = (more: object) => ({ sources: { clicks: { kind: 'kafka', brokers, topic: 'shop.clicks', ...more } } });
  expect(refusedOf(of({}))).not.toThrow();
  expect(refusedOf(of({ topic: 'a b' }))).toThrow(/sources\.clicks\.topic: write the name of a topic/);
  expect(refusedOf(of({ brokers: [] }))).toThrow(/sources\.clicks\.brokers/);
  expect(refusedOf(of({ kind: 'redis' }))).toThrow(/sources\.clicks\.kind/);
  expect(refusedOf(of({ sasl: { mechanism: 'PLAIN', username: 'a', password: 'b' } }))).toThrow(/sasl\.password/);
});

test('a wrong option of a format is refused by its name', () => {
  const of = (format: object) => ({ sources: { clicks: { kind: 'kafka', brokers, topic: 'shop.clicks', format } } });
  const registry = (more: object) => of({ kind: 'schemaRegistry', url: 'https://schemas.internal', ...more });
  const user = { username: 'site', password: { env: 'A' } };
  const token = { token: { env: 'A' } };
  for (const right of [
    of({ kind: 'json' }),
    registry({}),
    registry({ ...user, timeout: '1s', tls: {} }),
    registry(token),
    registry({ url: 'http://localhost:8081', ...token }),
    registry({ url: 'http://schemas.internal:8081/apis/v7' }),
  ])
    expect(refusedOf(right)).not.toThrow();
  const wrong = [
    [of({ kind: 'avro' }), 'format.kind'],
    [of({ kind: 'json', url: 'http://a' }), 'format'],
    [registry({ url: 'registry:8081' }), 'format.url'],
    [registry({ url: 'http://' }), 'format.url'],
    [registry({ url: 'http://[' }), 'format.url'],
    [registry({ url: 'https://site:word@schemas' }), 'format.url'],
    [registry({ username: 'site' }), 'write username and password'],
    [registry({ password: { env: 'A' } }), 'write username and password'],
    [registry({ ...user, username: 'a:b' }), 'format.username'],
    [registry({ ...user, password: 'b' }), 'format.password'],
    [registry({ ...user, ...token }), 'format.token'],
    [registry({ url: 'http://schemas', tls: {} }), 'format.tls'],
    [registry({ url: 'http://schemas', ...user }), 'over TLS only'],
    [registry({ url: 'http://localhost.internal', ...token }), 'over TLS only'],
    [registry({ timeout: 'long' }), 'format.timeout'],
    [registry({ more: 1 }), 'more'],
  ] as const;
  for (const [options, named] of wrong) expect(refusedOf(options), named).toThrow(named);
});

test('a topic of the log itself is refused: its events would come back without end', () => {
  const of = (topic: string, at = brokers) => ({
    log: { kind: 'kafka', brokers },
    sources: { clicks: { kind: 'kafka', brokers: at, topic } },
  });
  expect(refusedOf(of('site.clicks.1'))).toThrow(
    /sources\.clicks\.topic: site\.clicks\.1 is a topic of the log itself/,
  );
  expect(refusedOf(of('site.clicks'))).not.toThrow();
  expect(refusedOf(of('site.clicks.1', ['other:9092']))).not.toThrow();
});

test('a source that is not declared, and a secret that is not set, are refused when the project is opened', async () => {
  const open = (sources: EnvironmentOptions['sources']) =>
    openHeadrace({ project, environment: { directory: directory(), ...(sources === undefined ? {} : { sources }) } });
  const topic = { kind: 'kafka', brokers, topic: 'shop.clicks' } as const;
  await expect(open({ klicks: topic })).rejects.toMatchObject({ code: 'TOPIC_SOURCE' });
  const sasl = { mechanism: 'PLAIN', username: 'site', password: { env: 'NOT_SET_ANYWHERE' } } as const;
  await expect(open({ clicks: { ...topic, sasl } })).rejects.toMatchObject({
    code: 'CONFIG_SECRET',
    facts: { option: 'sources.clicks.sasl.password' },
  });
  const format = { kind: 'schemaRegistry', url: 'https://schemas', token: { env: 'NOT_SET_ANYWHERE' } } as const;
  await expect(open({ clicks: { ...topic, format } })).rejects.toMatchObject({
    code: 'CONFIG_SECRET',
    facts: { option: 'sources.clicks.format.token' },
  });
});

test('brokers that are away hold up neither the start nor the end, and are reported', async () => {
  const faults: unknown[] = [];
  const headrace = await openHeadrace({
    project,
    environment: {
      directory: directory(),
      sources: { clicks: { kind: 'kafka', brokers, topic: 'shop.clicks', timeout: '1s' } },
    },
    onFault: (error) => faults.push(error),
  });
  await headrace.takeTopics();
  await until(() => /do not answer/.test(headrace.status().topics[0]?.trouble ?? ''));
  expect(faults).toMatchObject([{ code: 'TOPIC_UNREACHABLE' }]);
  expect(headrace.degraded()).toEqual([expect.stringContaining('no events of clicks from shop.clicks are taken')]);
  const { text } = await headrace.metrics();
  expect(text).toContain('headrace_topic_up{source="clicks"} 0');
  await headrace.close();
});
