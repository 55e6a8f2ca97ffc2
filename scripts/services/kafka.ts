import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { must } from './binaries.ts';
import { makeCertificates } from './certificates.ts';
import { mavenLibraries } from './maven.ts';
import { isRunning, type Server, SHORT_LIVED, START_MS, startDetached, stopServer } from './server.ts';
import { freePorts, readState, removeRunFolder, runFolder, type Service, writeState } from './service.ts';
import { versions } from './versions.ts';

/** A broker, and where it answers those who show who they are. */
export interface Broker extends Server {
  /** TLS and SASL (PLAIN and SCRAM) as this user; the certificates are in the folder `tls` of the broker's. */
  readonly saslSslPort: number;
  /** TLS, and only to who shows the certificate `client`. */
  readonly sslPort: number;
}

/** Whom the broker knows. The password needs every way of quoting that there is. */
export const KAFKA_USER = { username: 'headrace', password: `it's a "7" \\ $1` } as const;

/** One broker that is its own controller, empty at its start. */
export const kafka: Service = {
  name: 'kafka',
  sets: ['KAFKA_BROKERS', 'KAFKA_SASL_SSL', 'KAFKA_SSL', 'KAFKA_TLS'],
  async fetch() {
    await kafkaLibraries();
  },
  async up() {
    const known = running();
    if (known !== null) return told(known);
    const broker = await newBroker(join(runFolder('kafka'), 'broker'));
    writeState('kafka', broker);
    return told(broker);
  },
  async down() {
    const broker = running();
    if (broker !== null) await stopServer(broker);
    removeRunFolder('kafka');
  },
  async status() {
    const broker = running();
    return broker === null ? null : told(broker);
  },
};

/** Formats a data folder and starts a broker on it; `more` are properties of its own. */
export async function newBroker(directory: string, more: Readonly<Record<string, string>> = {}): Promise<Broker> {
  await makeCertificates(join(directory, 'tls'));
  const [port, saslSslPort, sslPort, controller] = await freePorts(4);
  const ports = { PLAINTEXT: port, SASL_SSL: saslSslPort, SSL: sslPort, CONTROLLER: controller };
  const properties = { ...settings(directory, ports), ...secureSettings(directory), ...more };
  writeFileSync(join(directory, 'server.properties'), propertiesText(properties));
  writeFileSync(join(directory, 'log4j2.properties'), propertiesText(logging));
  const id = clusterId(randomBytes(16));
  const format = ['kafka.tools.StorageTool', 'format', '-t', id, '-c', 'server.properties', '--ignore-formatted'];
  const scram = SCRAM.flatMap((mechanism) => ['--add-scram', `${mechanism}=[${scramUser()}]`]);
  await must('java', [...(await javaArguments('256m')), ...format, ...scram], directory);
  return { ...(await startBroker(directory, port)), saslSslPort, sslPort };
}

/** The id of a cluster as Kafka writes it. It begins with a letter: after a hyphen the tool would read an option. */
export function clusterId([first = 0, ...others]: Uint8Array): string {
  return Buffer.from([first & 0b0011_1111, ...others]).toString('base64url');
}

/** Starts a broker on a folder that has one, after its end or its death. */
export async function startBroker(directory: string, port: number): Promise<Server> {
  const log = join(directory, `log-${Date.now()}`);
  const server = startDetached({
    command: 'java',
    args: [...(await javaArguments('512m')), 'kafka.Kafka', 'server.properties'],
    directory,
    port,
    log,
  });
  const end = Date.now() + START_MS;
  do {
    await sleep(100);
    if (Date.now() > end || !isRunning(server)) throw new Error(`kafka: ${readFileSync(log, 'utf8').slice(-500)}`);
  } while (!readFileSync(log, 'utf8').includes('Kafka Server started'));
  return server;
}

function running(): Broker | null {
  const broker = readState<Broker>('kafka');
  return broker !== null && isRunning(broker) ? broker : null;
}

function told({ port, saslSslPort, sslPort, directory }: Broker): Readonly<Record<string, string>> {
  return {
    KAFKA_BROKERS: `127.0.0.1:${port}`,
    KAFKA_SASL_SSL: `127.0.0.1:${saslSslPort}`,
    KAFKA_SSL: `127.0.0.1:${sslPort}`,
    KAFKA_TLS: join(directory, 'tls'),
  };
}

/** The command line of a tool of Kafka's, such as its console consumer, in the folder of a broker. */
export async function kafkaTool(tool: string, args: readonly string[]): Promise<readonly string[]> {
  return [...(await javaArguments('256m')), tool, ...args];
}

async function javaArguments(heap: string): Promise<readonly string[]> {
  const libraries = await kafkaLibraries();
  return [SHORT_LIVED, `-Xmx${heap}`, '-Dlog4j2.configurationFile=file:log4j2.properties', '-cp', join(libraries, '*')];
}

function kafkaLibraries(): Promise<string> {
  return mavenLibraries(`kafka-${versions.kafka.version}`, versions.kafka.maven);
}

type Ports = Readonly<Record<'PLAINTEXT' | 'SASL_SSL' | 'SSL' | 'CONTROLLER', number>>;

function settings(directory: string, ports: Ports): Readonly<Record<string, string>> {
  const listeners = Object.entries(ports).map(([name, port]) => `${name}://127.0.0.1:${port}`);
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${ports.CONTROLLER}`,
    listeners: listeners.join(','),
    'advertised.listeners': listeners.slice(0, -1).join(','),
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(directory, 'data'),
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '2',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    // Members learn of a rebalance with their next heartbeat.
    'group.consumer.heartbeat.interval.ms': '500',
    'group.consumer.min.heartbeat.interval.ms': '500',
    'log.retention.ms': '-1',
  };
}

const SCRAM = ['SCRAM-SHA-256', 'SCRAM-SHA-512'];

function secureSettings(directory: string): Readonly<Record<string, string>> {
  const tls = join(directory, 'tls');
  const pem = ['server.key', 'server.crt'].map((name) => readFileSync(join(tls, name), 'utf8')).join('');
  writeFileSync(join(tls, 'server.pem'), pem);
  const { username, password } = KAFKA_USER;
  const module = (name: string) => `org.apache.kafka.common.security.${name}LoginModule required`;
  const listener = (name: string, options: Readonly<Record<string, string>>) =>
    Object.entries(options).map(([option, value]) => [`listener.name.${name}.${option}`, value] as const);
  return Object.fromEntries([
    ...listener('sasl_ssl', {
      'sasl.enabled.mechanisms': ['PLAIN', ...SCRAM].join(','),
      'plain.sasl.jaas.config': `${module('plain.Plain')} user_${username}=${quoted(password)};`,
      ...Object.fromEntries(
        SCRAM.map((name) => [`${name.toLowerCase()}.sasl.jaas.config`, `${module('scram.Scram')};`]),
      ),
    }),
    ...listener('ssl', {
      'ssl.client.auth': 'required',
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': join(tls, 'ca.crt'),
    }),
    ...['sasl_ssl', 'ssl'].flatMap((name) =>
      listener(name, { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': join(tls, 'server.pem') }),
    ),
  ]);
}

function scramUser(): string {
  const { username, password } = KAFKA_USER;
  return `name=${username},password=${password}`;
}

/** As in a JAAS configuration. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

const logging = {
  'rootLogger.level': 'INFO',
  'rootLogger.appenderRef.out.ref': 'out',
  'appender.out.type': 'Console',
  'appender.out.name': 'out',
  'appender.out.layout.type': 'PatternLayout',
  'appender.out.layout.pattern': '%d %p %m%n',
};

function propertiesText(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('');
}
