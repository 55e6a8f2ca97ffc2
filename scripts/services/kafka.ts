import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { must } from './binaries.ts';
import { mavenLibraries } from './maven.ts';
import { isRunning, type Server, startDetached, stopServer } from './server.ts';
import { freePorts, readState, removeRunFolder, runFolder, type Service, writeState } from './service.ts';
import { versions } from './versions.ts';

const START_MS = 90_000;

/** One broker that is its own controller, empty at its start. */
export const kafka: Service = {
  name: 'kafka',
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

/** Formats a data folder and starts a broker on it. */
export async function newBroker(directory: string): Promise<Server> {
  mkdirSync(directory, { recursive: true });
  const [port, controller] = await freePorts(2);
  writeFileSync(join(directory, 'server.properties'), propertiesText(settings(directory, port, controller)));
  writeFileSync(join(directory, 'log4j2.properties'), propertiesText(logging));
  const id = randomBytes(16).toString('base64url');
  const format = ['kafka.tools.StorageTool', 'format', '-t', id, '-c', 'server.properties', '--ignore-formatted'];
  await must('java', [...(await javaArguments('256m')), ...format], directory);
  return startBroker(directory, port);
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

function running(): Server | null {
  const broker = readState<Server>('kafka');
  return broker !== null && isRunning(broker) ? broker : null;
}

function told({ port }: Server): Readonly<Record<string, string>> {
  return { KAFKA_BROKERS: `127.0.0.1:${port}` };
}

async function javaArguments(heap: string): Promise<readonly string[]> {
  const libraries = await mavenLibraries(`kafka-${versions.kafka.version}`, versions.kafka.maven);
  return [`-Xmx${heap}`, '-Dlog4j2.configurationFile=file:log4j2.properties', '-cp', join(libraries, '*')];
}

function settings(directory: string, port: number, controller: number): Readonly<Record<string, string>> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
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
    'log.retention.ms': '-1',
  };
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
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
