import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { must, once } from './binaries.ts';
import { mavenLibraries } from './maven.ts';
import { isRunning, type Server, SHORT_LIVED, START_MS, startDetached, stopServer } from './server.ts';
import { freePorts, readState, removeRunFolder, runFolder, type Service, writeState } from './service.ts';
import { versions } from './versions.ts';

const NAME = 'spark-cluster';

/** The processes of a standalone cluster; executors are started for each application, and end with it. */
interface SparkCluster {
  readonly master: Server;
  readonly worker: Server;
}

/** An installation, with its connector to Kafka, that runs applications in one process: nothing runs between them. */
export const spark: Service = {
  name: 'spark',
  sets: ['SPARK_HOME', 'SPARK_KAFKA_JARS', 'SPARK_ONNX_JARS'],
  async fetch() {
    await installation();
  },
  up: installation,
  async down() {},
  status: installation,
};

/** A cluster of one master and one worker of two cores. */
export const sparkCluster: Service = {
  name: NAME,
  sets: ['SPARK_MASTER'],
  async fetch() {
    await sparkHome();
  },
  async up() {
    const known = running();
    if (known !== null) return told(known);
    const cluster = await startSpark(join(runFolder(NAME), 'cluster'));
    writeState(NAME, cluster);
    return told(cluster);
  },
  async down() {
    const cluster = readState<SparkCluster>(NAME);
    if (cluster !== null) for (const server of [cluster.worker, cluster.master]) await stopServer(server, 'SIGTERM');
    removeRunFolder(NAME);
  },
  async status() {
    const cluster = running();
    return cluster === null ? null : told(cluster);
  },
};

/** Scripts and jars out of the Python distribution. It is unpacked, not built: Python itself is not used. */
export function sparkHome(): Promise<string> {
  const { version, distribution } = versions.spark;
  return once(`spark-${version}`, async (into) => {
    const source = ['--no-deps', '--no-binary', ':all:', '--no-cache-dir', '--disable-pip-version-check'];
    await must('python3', ['-m', 'pip', 'download', ...source, distribution], into);
    const [file = ''] = readdirSync(into).filter((name) => name.endsWith('.tar.gz'));
    await must('tar', ['-xzf', file, '--strip-components=2', '--wildcards', '*/deps/bin', '*/deps/jars'], into);
    rmSync(join(into, file));
  });
}

async function installation(): Promise<Readonly<Record<string, string>>> {
  return {
    SPARK_HOME: await sparkHome(),
    SPARK_KAFKA_JARS: (await connectorJars()).join(','),
    SPARK_ONNX_JARS: (await onnxJars()).join(','),
  };
}

async function onnxJars(): Promise<readonly string[]> {
  const { onnx } = versions.spark;
  const folder = await mavenLibraries(`onnxruntime-${onnx.split(':').at(-1)}`, [onnx], true);
  return readdirSync(folder).map((name) => join(folder, name));
}

/** Spark itself has the rest of what they need. */
async function connectorJars(): Promise<readonly string[]> {
  const { version, maven } = versions.spark;
  const folder = await mavenLibraries(`spark-kafka-${version}`, maven, true);
  return readdirSync(folder).map((name) => join(folder, name));
}

async function startSpark(directory: string): Promise<SparkCluster> {
  const home = await sparkHome();
  mkdirSync(directory, { recursive: true });
  const [port, masterUi, workerUi] = await freePorts(3);
  const start = (name: string, listens: number, program: readonly string[]) =>
    startDetached({
      command: join(home, 'bin/spark-class'),
      args: program,
      directory,
      port: listens,
      log: join(directory, `${name}.log`),
      env: {
        SPARK_HOME: home,
        SPARK_LOCAL_IP: '127.0.0.1',
        SPARK_DAEMON_MEMORY: '192m',
        SPARK_DAEMON_JAVA_OPTS: SHORT_LIVED,
        ...SETTINGS,
      },
    });
  const here = ['--host', '127.0.0.1', '--webui-port'];
  const master = start('master', port, [
    'org.apache.spark.deploy.master.Master',
    ...here,
    `${masterUi}`,
    '--port',
    `${port}`,
  ]);
  const resources = ['--cores', '2', '--memory', '1536m', '-d', join(directory, 'work')];
  const worker = start('worker', workerUi, [
    'org.apache.spark.deploy.worker.Worker',
    ...here,
    `${workerUi}`,
    ...resources,
    `spark://127.0.0.1:${port}`,
  ]);
  const cluster = { master, worker };
  try {
    await answers(cluster, `http://127.0.0.1:${masterUi}/json/`);
    return cluster;
  } catch (error) {
    for (const server of [worker, master]) await stopServer(server);
    throw error;
  }
}

/** The interface that takes programs from anyone stays off. */
const SETTINGS = { SPARK_MASTER_OPTS: '-Dspark.master.rest.enabled=false' };

/** Waits until the master has its worker. */
async function answers(cluster: SparkCluster, url: string): Promise<void> {
  for (const end = Date.now() + START_MS; ; await sleep(200)) {
    const text = await fetch(url)
      .then((answer) => answer.text())
      .catch(() => '');
    if (/"aliveworkers"\s*:\s*1/.test(text)) return;
    if (Date.now() > end || !isRunning(cluster.master) || !isRunning(cluster.worker))
      throw new Error(`spark: ${logsOf(cluster.master.directory)}`);
  }
}

function logsOf(directory: string): string {
  return ['master', 'worker']
    .map((name) => `${name}: ${readFileSync(join(directory, `${name}.log`), 'utf8').slice(-800)}`)
    .join('\n');
}

function running(): SparkCluster | null {
  const cluster = readState<SparkCluster>(NAME);
  return cluster !== null && isRunning(cluster.master) && isRunning(cluster.worker) ? cluster : null;
}

function told({ master }: SparkCluster): Readonly<Record<string, string>> {
  return { SPARK_MASTER: `spark://127.0.0.1:${master.port}` };
}
