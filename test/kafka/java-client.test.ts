import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withoutSecrets, withSecrets } from '../../src/backends/flink/secrets.ts';
import { javaClient } from '../../src/backends/kafka/java-client.ts';
import { type EnvironmentOptions, resolveEnvironment } from '../../src/environment/config.ts';
import { declaredJob } from '../../src/site/tile-jobs.ts';
import { project } from '../loop/shop.ts';

const cluster = { brokers: ['a:1', 'b:2'], timeoutMs: 1_000 };

/** The options of a JAAS entry, read as Java reads it: literals in quotes, with backslashes before what is meant literally. */
function readJaas(text: string): Readonly<Record<string, string>> {
  const found = text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/gs);
  return Object.fromEntries([...found].map(([, name, value]) => [name, value.replaceAll(/\\(.)/gs, '$1')]));
}

test('any user and password come to Java as they are, through SQL and JAAS', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (username, password) => {
      const { secret } = javaClient({ ...cluster, sasl: { mechanism: 'PLAIN', username, password } });
      const sql = withSecrets("WITH ('x' = '<sasl.jaas.config>', 'y' = '1')", secret);
      const literal = /^WITH \('x' = '((?:[^']|'')*)', 'y' = '1'\)$/s.exec(sql)?.[1] ?? '';
      const jaas = literal.replaceAll("''", "'");
      expect(jaas).toMatch(/^org\.apache\.kafka\.common\.security\.plain\.PlainLoginModule required .*;$/s);
      expect(readJaas(jaas)).toEqual({ username, password });
    }),
  );
});

test('a secret is taken out of whatever Flink repeats of it', () => {
  const sasl = { mechanism: 'SCRAM-SHA-256', username: 'u', password: 'a"b\\c$&' } as const;
  const { secret } = javaClient({ ...cluster, sasl });
  const whole = `Unsupported: '${secret['sasl.jaas.config']}'`;
  expect(withoutSecrets(whole, secret)).toBe("Unsupported: '****'");
  expect(withoutSecrets('near password="a\\"b\\\\c$&";', secret)).toBe('near ****;');
});

test('keys and certificates are one line each, in the form that Java reads', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  const cert = '-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----\n';
  const { shown, secret } = javaClient({ ...cluster, tls: { ca: `# two\n${cert}${cert}`, cert, key } }, 'shaded.');
  const line = '-----BEGIN CERTIFICATE----- AAAABBBB-----END CERTIFICATE-----';
  expect(shown).toEqual({
    'security.protocol': 'SSL',
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.certificates': `${line} ${line}`,
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.certificate.chain': line,
  });
  const [, base64 = ''] =
    /^-----BEGIN PRIVATE KEY----- (.*)-----END PRIVATE KEY-----$/.exec(secret['ssl.keystore.key']) ?? [];
  const again = createPrivateKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'pkcs8' });
  expect(again.equals(privateKey)).toBe(true);
});

const options = (log: object): EnvironmentOptions => ({
  log: { kind: 'kafka', brokers: ['a:1'], ...log },
  engine: { kind: 'flink', gateway: 'http://a:1', cluster: 'http://a:2' },
});

test('the text of a job has no secret, and its key does not hang on how the log is reached', () => {
  const sasl = { mechanism: 'PLAIN', username: 'u', password: 'the-password' } as const;
  const environment = resolveEnvironment('e', options({}), 'shop');
  const [before, secured] = [
    declaredJob(project, environment),
    declaredJob(project, environment, javaClient({ ...cluster, sasl, tls: {} })),
  ];
  expect(secured.key).toBe(before.key);
  const text = secured.texts.join('\n');
  expect(text).toContain("'properties.security.protocol' = 'SASL_SSL'");
  expect(text).toContain("'properties.sasl.jaas.config' = '<sasl.jaas.config>'");
  expect(text).not.toContain('the-password');
});

test('options that cannot be meant are refused by their names', () => {
  const refusal = (log: object) => {
    try {
      resolveEnvironment('production', options(log), 'shop');
      return null;
    } catch (error) {
      return error;
    }
  };
  const sasl = { mechanism: 'PLAIN', username: 'u', password: { env: 'P' } };
  expect(refusal({ sasl, tls: {} })).toBeNull();
  for (const [log, named] of [
    [{ sasl: { ...sasl, password: 'written' } }, /log\.sasl\.password/],
    [{ sasl: { ...sasl, mechanism: 'GSSAPI' } }, /log\.sasl\.mechanism/],
    [{ sasl: { mechanism: 'PLAIN', password: { env: 'P' } } }, /log\.sasl\.username/],
    [{ tls: { cert: 'a.crt' } }, /log\.tls: write cert and key/],
    [{ tls: { servername: 'a' } }, /log\.tls\.servername/],
    [{ tls: true }, /log\.tls/],
  ] as const) {
    expect(refusal(log)).toMatchObject({ code: 'CONFIG_OPTION', message: expect.stringMatching(named) });
    expect(String(refusal(log))).not.toContain('written');
  }
});
