import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../scripts/services/certificates.ts';
import { KAFKA_USER } from '../../scripts/services/kafka.ts';
import { GatewaySession } from '../../src/backends/flink/sql-gateway.ts';
import type { KafkaAddress } from '../../src/backends/kafka/client.ts';
import { openKafkaLog } from '../../src/backends/kafka/event-log.ts';
import { logRecordAt } from '../../src/testing/contracts/event-log.ts';
import { addressOf } from './addresses.ts';
import { deep } from './deep.ts';
import { deepText } from './deep-text.ts';
import { type SiteOptions, TileSite } from './tile-site.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const [folder] = addressOf('KAFKA_TLS');
const pem = (name: string) => readFileSync(join(folder, name), 'utf8');
const ca = pem('ca.crt');

const open = (at: string, how: Partial<KafkaAddress>) =>
  openKafkaLog({
    brokers: [at],
    prefix: `test-${randomUUID().slice(0, 8)}.`,
    replicas: 1,
    timeoutMs: 5_000,
    ...how,
  });

const sasl = { mechanism: 'SCRAM-SHA-512', ...KAFKA_USER } as const;
const [plain, saslSsl, ssl] = [
  addressOf('KAFKA_BROKERS')[0],
  addressOf('KAFKA_SASL_SSL')[0],
  addressOf('KAFKA_SSL')[0],
];

describe('who shows who he is on an encrypted wire reads and writes the log', () => {
  const ways: readonly (readonly [string, string, Partial<KafkaAddress>])[] = [
    ['PLAIN', saslSsl, { sasl: { ...sasl, mechanism: 'PLAIN' }, tls: { ca } }],
    ['SCRAM-SHA-256', saslSsl, { sasl: { ...sasl, mechanism: 'SCRAM-SHA-256' }, tls: { ca } }],
    ['SCRAM-SHA-512', saslSsl, { sasl, tls: { ca } }],
    ['another name of the certificate', saslSsl, { sasl, tls: { ca, servername: 'localhost' } }],
    ['a certificate', ssl, { tls: { ca, cert: pem('client.crt'), key: pem('client.key') } }],
  ];
  test.each(ways)('%s', async (_, at, how) => {
    const log = await open(at, how);
    ending.push(() => log.close());
    await log.openTopic('orders@1', 1);
    await log.append('orders@1', 0, [logRecordAt(0), logRecordAt(1)]);
    expect((await log.read('orders@1', 0, 0, 9)).records.map(({ id }) => id)).toEqual(['e0', 'e1']);
    await log.commit('reader', 'orders@1', [1]);
    expect(await log.committed('reader', 'orders@1')).toEqual([1]);
  });
});

describe('who is not let in learns why, and his password stands nowhere', () => {
  const other = mkdtempSync(join(tmpdir(), 'tls-'));
  const wrong = { ...sasl, password: 'not-the-password' };
  const plainly = { ...wrong, mechanism: 'PLAIN' } as const;
  const ways: readonly (readonly [string, string, () => Partial<KafkaAddress>, string])[] = [
    ['wrong password', saslSsl, () => ({ sasl: wrong, tls: { ca } }), 'LOG_DENIED'],
    ['wrong password, PLAIN', saslSsl, () => ({ sasl: plainly, tls: { ca } }), 'LOG_DENIED'],
    ['unknown user', saslSsl, () => ({ sasl: { ...wrong, username: 'nobody' }, tls: { ca } }), 'LOG_DENIED'],
    ['a user where none is asked for', plain, () => ({ sasl: wrong }), 'LOG_DENIED'],
    ['unknown authority', saslSsl, () => ({ sasl: wrong, tls: {} }), 'LOG_CERTIFICATE'],
    [
      'another authority',
      saslSsl,
      () => ({ sasl: wrong, tls: { ca: readFileSync(join(other, 'ca.crt'), 'utf8') } }),
      'LOG_CERTIFICATE',
    ],
    ['another name', saslSsl, () => ({ sasl: wrong, tls: { ca, servername: 'other.internal' } }), 'LOG_CERTIFICATE'],
    ['no TLS against TLS', ssl, () => ({}), 'LOG_TLS'],
    ['no TLS against TLS with a user', saslSsl, () => ({ sasl: wrong }), 'LOG_TLS'],
    ['TLS against none', plain, () => ({ sasl: wrong, tls: { ca } }), 'LOG_TLS'],
    ['nobody where a user is asked for', saslSsl, () => ({ tls: { ca } }), 'LOG_UNREACHABLE'],
    ['no certificate where one is asked for', ssl, () => ({ tls: { ca } }), 'LOG_UNREACHABLE'],
  ];
  beforeEach(async () => makeCertificates(other));
  afterEach(() => rmSync(other, { recursive: true, force: true }));
  test.each(ways)('%s', async (_, at, how, code) => {
    const error = await open(at, how()).then(
      () => null,
      (refusal: unknown) => refusal,
    );
    expect(error).toMatchObject({ code });
    expect(deepText(error)).not.toContain('not-the-password');
  });
});

describe('Flink reaches the log as this process does', deep, () => {
  const secureSite = (log: SiteOptions['log']) => {
    const site = new TileSite({ log });
    ending.push(() => site.end());
    return site;
  };
  const named = { username: KAFKA_USER.username, password: { env: 'KAFKA_TEST_PASSWORD' } };
  const tls = { ca: join(folder, 'ca.crt') };
  beforeEach(() => {
    process.env['KAFKA_TEST_PASSWORD'] = KAFKA_USER.password;
  });

  const ways: readonly (readonly [string, SiteOptions['log']])[] = [
    ['a user', { brokers: [saslSsl], tls, sasl: { mechanism: 'SCRAM-SHA-256', ...named } }],
    [
      'a certificate',
      { brokers: [ssl], tls: { ...tls, cert: join(folder, 'client.crt'), key: join(folder, 'client.key') } },
    ],
  ];
  test.each(ways)('%s', async (_, log) => {
    const site = secureSite(log);
    const headrace = await site.open();
    const deployed = await site.jobs((jobs) => jobs.deploy());
    expect(JSON.stringify(deployed)).not.toContain('"7"');
    await site.send(headrace, 200);
    await site.whole(headrace);
    expect(site.faults).toEqual([]);
  });

  test('what Flink refuses is said without the secrets of the statement', async () => {
    const secrets = { 'sasl.jaas.config': `module required password="it's\\"so";` };
    const session = await GatewaySession.open(addressOf('FLINK_GATEWAY')[0], {}, 60_000, secrets);
    ending.push(() => session.close());
    const statement = "CREATE TEMPORARY TABLE `t` (\n  a BIGINT\n) WITH ('connector' = '<sasl.jaas.config>')";
    await session.run(statement);
    const error = await session.run('SELECT * FROM t').catch((refusal: unknown) => refusal);
    expect(error).toMatchObject({ code: 'FLINK_SQL' });
    expect(deepText(error)).not.toContain('so"');
    expect(deepText(error)).toContain('****');
  });
});
