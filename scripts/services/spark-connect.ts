import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isListening, isRunning, type Server, SHORT_LIVED, START_MS, startDetached, stopServer } from './server.ts';
import { freePorts, readState, removeRunFolder, runFolder, type Service, writeState } from './service.ts';
import { sparkHome } from './spark.ts';

/** A Connect server that computes in its own process, and who may use it. */
export interface SparkConnectServer extends Server {
  readonly token: string;
}

/** Spark's Connect server, of the installation of `spark`. */
export const sparkConnect: Service = {
  name: 'spark-connect',
  sets: ['SPARK_CONNECT', 'SPARK_CONNECT_TOKEN'],
  async fetch() {
    await sparkHome();
  },
  async up() {
    const known = running();
    if (known !== null) return told(known);
    const server = await startSparkConnect(join(runFolder('spark-connect'), 'server'));
    writeState('spark-connect', server);
    return told(server);
  },
  async down() {
    const server = running();
    if (server !== null) await stopServer(server, 'SIGTERM');
    removeRunFolder('spark-connect');
  },
  async status() {
    const server = running();
    return server === null ? null : told(server);
  },
};

export interface SparkConnectOptions {
  readonly master?: string;
  readonly conf?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a server that asks for a token; it listens once Spark runs. In the place of another it has the port and the token of that. */
export async function startSparkConnect(
  directory: string,
  before?: Pick<SparkConnectServer, 'port' | 'token'>,
  { master = 'local[2]', conf = {}, env = {} }: SparkConnectOptions = {},
): Promise<SparkConnectServer> {
  const home = await sparkHome();
  mkdirSync(directory, { recursive: true });
  const [free] = await freePorts(1);
  const { port, token } = before ?? { port: free, token: randomUUID() };
  const settings = {
    'spark.connect.grpc.binding.address': '127.0.0.1',
    'spark.connect.grpc.binding.port': `${port}`,
    'spark.driver.host': '127.0.0.1',
    'spark.driver.bindAddress': '127.0.0.1',
    'spark.driver.memory': '1536m',
    'spark.driver.extraJavaOptions': SHORT_LIVED,
    'spark.sql.warehouse.dir': join(directory, 'warehouse'),
    'spark.ui.enabled': 'false',
    'spark.log.level': 'WARN',
    // What takes longer is read on by another stream, and what nobody reads is ended soon.
    'spark.connect.execute.reattachable.senderMaxStreamDuration': '5s',
    'spark.connect.execute.manager.detachedTimeout': '10s',
    'spark.connect.execute.manager.maintenanceInterval': '1s',
    // Who was silent this long is given up: a machine that stands still is no failure of what is tested.
    'spark.network.timeout': '3600s',
    ...conf,
  };
  const server = startDetached({
    command: join(home, 'bin/spark-submit'),
    args: [
      ...['--master', master, '--class', 'org.apache.spark.sql.connect.service.SparkConnectServer'],
      ...Object.entries(settings).flatMap(([name, value]) => ['--conf', `${name}=${value}`]),
      'spark-internal',
    ],
    directory,
    port,
    log: join(directory, 'log'),
    env: { SPARK_HOME: home, SPARK_LOCAL_IP: '127.0.0.1', SPARK_CONNECT_AUTHENTICATE_TOKEN: token, ...env },
  });
  for (const end = Date.now() + START_MS; !(await isListening(port)); await sleep(200)) {
    if (isRunning(server) && Date.now() < end) continue;
    await stopServer(server);
    throw new Error(`spark-connect: ${readFileSync(join(directory, 'log'), 'utf8').slice(-800)}`);
  }
  return { ...server, token };
}

function running(): SparkConnectServer | null {
  const server = readState<SparkConnectServer>('spark-connect');
  return server !== null && isRunning(server) ? server : null;
}

function told({ port, token }: SparkConnectServer): Readonly<Record<string, string>> {
  return { SPARK_CONNECT: `127.0.0.1:${port}`, SPARK_CONNECT_TOKEN: token };
}
