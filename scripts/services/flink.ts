import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { must, once } from './binaries.ts';
import { mavenLibraries } from './maven.ts';
import { isRunning, type Server, SHORT_LIVED, START_MS, startDetached, stopServer } from './server.ts';
import { freePorts, readState, removeRunFolder, runFolder, type Service, writeState } from './service.ts';
import { versions } from './versions.ts';

/** The processes of a standalone cluster with its SQL gateway. */
export interface FlinkCluster {
  readonly jobManager: Server;
  readonly taskManager: Server;
  readonly gateway: Server;
}

/** A cluster of one job manager, one task manager and the SQL gateway before them. */
export const flink: Service = {
  name: 'flink',
  sets: ['FLINK_REST', 'FLINK_GATEWAY'],
  async fetch() {
    await flinkLibraries();
  },
  async up() {
    const known = running();
    if (known !== null) return told(known);
    const cluster = await startFlink(join(runFolder('flink'), 'cluster'), true);
    writeState('flink', cluster);
    return told(cluster);
  },
  async down() {
    const cluster = readState<FlinkCluster>('flink');
    if (cluster !== null) for (const server of Object.values(cluster)) await stopServer(server);
    removeRunFolder('flink');
  },
  async status() {
    const cluster = running();
    return cluster === null ? null : told(cluster);
  },
};

/** Writes the configuration into a folder and starts a cluster on it; one that many suites share runs many short jobs. */
export async function startFlink(directory: string, shared = false): Promise<FlinkCluster> {
  mkdirSync(join(directory, 'plugins'), { recursive: true });
  const [rpc, rest, gatewayPort] = await freePorts(3);
  writeFileSync(join(directory, 'config.yaml'), configuration(directory, rpc, rest));
  writeFileSync(join(directory, 'log4j2.properties'), LOGGING);
  const cluster = {
    jobManager: await startJobManager(directory, rest),
    taskManager: await startTaskManager(directory, rest, shared),
    gateway: await startGateway(directory, gatewayPort),
  };
  try {
    await answers(cluster, `http://127.0.0.1:${rest}/overview`, (text) => text.includes('"taskmanagers":1'));
    await answers(cluster, `http://127.0.0.1:${gatewayPort}/v2/info`, (text) => text.includes('version'));
    return cluster;
  } catch (error) {
    for (const server of Object.values(cluster)) await stopServer(server);
    throw error;
  }
}

export function startJobManager(directory: string, port: number): Promise<Server> {
  const memory = {
    'jobmanager.memory.heap.size': '448m',
    'jobmanager.memory.off-heap.size': '128m',
    'jobmanager.memory.jvm-metaspace.size': '256m',
    'jobmanager.memory.jvm-overhead.min': '192m',
    'jobmanager.memory.jvm-overhead.max': '192m',
  };
  const entry = 'org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint';
  return startJava(
    directory,
    'job-manager',
    port,
    [SHORT_LIVED, '-Xmx448m'],
    [entry, '--configDir', directory, ...settings(memory)],
  );
}

export function startTaskManager(directory: string, port: number, shared = false): Promise<Server> {
  const memory = {
    'taskmanager.cpu.cores': '2',
    'taskmanager.memory.task.heap.size': '768m',
    'taskmanager.memory.task.off-heap.size': '64m',
    'taskmanager.memory.framework.heap.size': '128m',
    'taskmanager.memory.framework.off-heap.size': '128m',
    'taskmanager.memory.managed.size': '384m',
    'taskmanager.memory.network.min': '128m',
    'taskmanager.memory.network.max': '128m',
    'taskmanager.memory.jvm-metaspace.size': '256m',
    'taskmanager.memory.jvm-overhead.min': '192m',
    'taskmanager.memory.jvm-overhead.max': '192m',
  };
  const entry = 'org.apache.flink.runtime.taskexecutor.TaskManagerRunner';
  const limits = [
    ...(shared ? [SHORT_LIVED] : []),
    '-Xmx896m',
    '-XX:MaxDirectMemorySize=320m',
    '-XX:MaxMetaspaceSize=256m',
  ];
  return startJava(directory, 'task-manager', port, limits, [entry, '--configDir', directory, ...settings(memory)]);
}

function startGateway(directory: string, port: number): Promise<Server> {
  const endpoint = {
    'sql-gateway.endpoint.rest.address': '127.0.0.1',
    'sql-gateway.endpoint.rest.port': String(port),
  };
  const entry = 'org.apache.flink.table.gateway.SqlGateway';
  return startJava(
    directory,
    'gateway',
    port,
    [SHORT_LIVED, '-Xmx384m'],
    [entry, ...Object.entries(endpoint).map(([name, value]) => `-D${name}=${value}`)],
  );
}

/** The jar of the model provider, with two faults of the release put right, which a session adds. */
export async function flinkTriton(): Promise<string> {
  const { version, maven, parents } = versions.flinkTriton;
  const libraries = await mavenLibraries(`flink-triton-${version}`, maven, true, parents);
  const folder = await once(`flink-triton-${version}-runs`, async (into) => {
    const jar = join(into, 'triton.jar');
    copyFileSync(join(libraries, `flink-model-triton-${version}.jar`), jar);
    for (const { of, released, right } of TRITON_FAULTS) {
      const path = `org/apache/flink/model/triton/${of}.class`;
      await must('jar', ['xf', jar, path], into);
      const bytes = readFileSync(join(into, path)).toString('latin1');
      if (bytes.split(released).length !== 2) throw new Error(`${of} is another than was looked at`);
      writeFileSync(join(into, path), Buffer.from(bytes.replace(released, right), 'latin1'));
      await must('jar', ['uf', jar, path], into);
    }
  });
  return join(folder, 'triton.jar');
}

/** Bytes of classes of flink-model-triton 2.3.0, which no job can use as it is. */
const TRITON_FAULTS = [
  {
    // The check of a column's type is the wrong way round: `if (type != null && !type.equals(…))` decides what must hold. In words of the
    // JVM: `equals, ifne +7, iconst_1, goto +4, iconst_0`; the constants change places.
    of: 'AbstractTritonModelFunction',
    released: '\xb6\x00\x43\x9a\x00\x07\x04\xa7\x00\x04\x03',
    right: '\xb6\x00\x43\x9a\x00\x07\x03\xa7\x00\x04\x04',
  },
  {
    // A buffer for compressed requests cannot be serialized with the function; here the field is transient.
    of: 'TritonInferenceModelFunction',
    released: '\x00\x12\x00\x21\x00\x22',
    right: '\x00\x92\x00\x21\x00\x22',
  },
] as const;

function flinkLibraries(): Promise<string> {
  return mavenLibraries(`flink-${versions.flink.version}`, versions.flink.maven);
}

async function startJava(
  directory: string,
  name: string,
  port: number,
  limits: readonly string[],
  program: readonly string[],
): Promise<Server> {
  const libraries = await flinkLibraries();
  const log = `-Dlog4j2.configurationFile=${pathToFileURL(join(directory, 'log4j2.properties')).href}`;
  return startDetached({
    command: 'java',
    args: [...limits, ...OPENED, log, '-cp', join(libraries, '*'), ...program],
    directory,
    port,
    log: join(directory, `${name}.log`),
    env: {
      FLINK_CONF_DIR: directory,
      FLINK_LIB_DIR: libraries,
      FLINK_PLUGINS_DIR: join(directory, 'plugins'),
      FLINK_LOG_DIR: directory,
    },
  });
}

/** Waits until an address answers as it should. */
async function answers(cluster: FlinkCluster, url: string, right: (text: string) => boolean): Promise<void> {
  for (const end = Date.now() + START_MS; ; await sleep(200)) {
    const text = await fetch(url)
      .then((answer) => answer.text())
      .catch(() => '');
    if (right(text)) return;
    if (Date.now() > end || !Object.values(cluster).every(isRunning))
      throw new Error(`flink: ${logsOf(cluster.gateway.directory)}`);
  }
}

function logsOf(directory: string): string {
  return ['job-manager', 'task-manager', 'gateway']
    .map((name) => `${name}: ${readFileSync(join(directory, `${name}.log`), 'utf8').slice(-800)}`)
    .join('\n');
}

function running(): FlinkCluster | null {
  const cluster = readState<FlinkCluster>('flink');
  return cluster !== null && Object.values(cluster).every(isRunning) ? cluster : null;
}

function told({ jobManager, gateway }: FlinkCluster): Readonly<Record<string, string>> {
  return {
    FLINK_REST: `http://127.0.0.1:${jobManager.port}`,
    FLINK_GATEWAY: `http://127.0.0.1:${gateway.port}`,
  };
}

function settings(values: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(values).map(([name, value]) => `-D${name}=${value}`);
}

function configuration(directory: string, rpc: number, rest: number): string {
  const at = (name: string) => pathToFileURL(join(directory, name)).href;
  return Object.entries({
    'jobmanager.rpc.address': '127.0.0.1',
    'jobmanager.rpc.port': rpc,
    'jobmanager.bind-host': '127.0.0.1',
    'taskmanager.bind-host': '127.0.0.1',
    'taskmanager.host': '127.0.0.1',
    'taskmanager.numberOfTaskSlots': 16,
    'rest.address': '127.0.0.1',
    'rest.bind-address': '127.0.0.1',
    // Without rest.bind-port, which the gateway would take for its own.
    'rest.port': rest,
    'io.tmp.dirs': join(directory, 'tmp'),
    'execution.checkpointing.interval': '5s',
    'execution.checkpointing.dir': at('checkpoints'),
    'execution.checkpointing.savepoint-dir': at('savepoints'),
    'execution.checkpointing.externalized-checkpoint-retention': 'RETAIN_ON_CANCELLATION',
    'restart-strategy.type': 'fixed-delay',
    'restart-strategy.fixed-delay.attempts': 20,
    'restart-strategy.fixed-delay.delay': '1s',
    'heartbeat.timeout': 20_000,
  })
    .map(([name, value]) => `${name}: ${typeof value === 'number' ? value : JSON.stringify(value)}\n`)
    .join('');
}

const LOGGING = `rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1} %m%n
logger.kafka.name = org.apache.kafka
logger.kafka.level = WARN
`;

/** What Flink reaches into of the JDK (its own scripts open the same). */
const OPENED: readonly string[] = [
  ...['java.base/sun.net.util', 'java.rmi/sun.rmi.registry', 'java.security.jgss/sun.security.krb5'].map(
    (name) => `--add-exports=${name}=ALL-UNNAMED`,
  ),
  ...[
    'java.lang',
    'java.net',
    'java.io',
    'java.nio',
    'sun.nio.ch',
    'java.lang.reflect',
    'java.text',
    'java.time',
    'java.util',
    'java.util.concurrent',
    'java.util.concurrent.atomic',
    'java.util.concurrent.locks',
  ].map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`),
];
