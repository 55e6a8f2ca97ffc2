// @module-tag deep

import { type ChildProcess, execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Admin } from '@platformatic/kafka';
import { afterEach, expect, test } from 'vitest';
import { type FlinkCluster, flinkTriton, startFlink, startTaskManager } from '../../scripts/services/flink.ts';
import { kafkaTool } from '../../scripts/services/kafka.ts';
import { stopServer } from '../../scripts/services/server.ts';
import { runFolder } from '../../scripts/services/service.ts';
import { GatewaySession } from '../../src/backends/flink/sql-gateway.ts';
import { OnnxGraph } from '../../src/training/onnx-export/onnx-graph.ts';
import { startCli } from '../cli/run-cli.ts';
import { answeredProject, event, PARTITIONS } from '../inference/stream-site.ts';
import { addressOf } from './addresses.ts';
import { committedOf, StreamFolders } from './kafka-stream-site.ts';
import { until } from './until.ts';

/** Ends what hangs: a Flink that resumes from its checkpoint takes minutes on a busy machine. */
const SCORED_MS = 600_000;

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** A model whose score is its version. */
function constantModel(version: number): Uint8Array {
  const graph = new OnnxGraph();
  const scaled = graph.node('Mul', ['VALUE', graph.floats([version], [1])]);
  graph.node('ReduceSum', [scaled, graph.integers([1])], { keepdims: 0 }, { output: 'SCORE' });
  return graph.finish('VALUE', 1, 'SCORE');
}

/** A server of the stream's model and of a model with versions, on Kafka. */
class Served {
  readonly folder = mkdtempSync(join(tmpdir(), 'flink-streams-'));
  readonly namespace = `flink-${randomUUID().slice(0, 8)}`;
  readonly port: number;
  #child: ChildProcess | null = null;

  constructor(port: number) {
    this.port = port;
  }

  async start(): Promise<void> {
    this.#child = startCli(this.folder, ['serve', '--port', String(this.port), '--json']);
    const ready = once(this.#child.stdout ?? this.#child, 'data');
    this.#child.stderr?.resume();
    await ready;
  }

  async kill(): Promise<void> {
    if (this.#child === null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }

  async make(folders: StreamFolders): Promise<void> {
    const path = (file: string) => JSON.stringify(new URL(`../../${file}`, import.meta.url).pathname);
    folders.directory('server', this.namespace);
    this.addVersion(1);
    writeFileSync(
      join(this.folder, 'headrace.config.ts'),
      `import { defineConfig } from ${path('src/index.ts')};
import { answeredProject } from ${path('test/inference/stream-site.ts')};
const log = { kind: 'kafka', brokers: ${JSON.stringify(addressOf('KAFKA_BROKERS'))} } as const;
export default defineConfig({ project: answeredProject, environments: { local: {
  directory: ${JSON.stringify(join(folders.root, 'server'))}, namespace: ${JSON.stringify(this.namespace)}, partitions: ${PARTITIONS}, log,
  models: { repository: ${JSON.stringify(join(this.folder, 'models'))} } } } });`,
    );
  }

  /** Into the repository of the model with versions. */
  addVersion(version: number): void {
    const folder = join(this.folder, 'models', 'naive', String(version));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'model.onnx'), constantModel(version));
  }

  /** Posts a body, or asks without one. */
  async ask(path: string, body?: unknown): Promise<unknown> {
    const headers = { 'content-type': 'application/json' };
    const post = { method: 'POST', headers, body: JSON.stringify(body) };
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, body === undefined ? {} : post);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

interface Output {
  readonly p: number;
  readonly o: number;
  readonly version: number;
}

/** By partition, the offsets that lack an output, and the first after all that have one. */
function gapsOf(seen: readonly string[]): string {
  const byPartition = new Map<string, Set<number>>();
  for (const place of seen) {
    const [p = '', o] = place.split('/');
    byPartition.set(p, (byPartition.get(p) ?? new Set()).add(Number(o)));
  }
  return [...byPartition]
    .map(([p, offsets]) => {
      const end = Math.max(...offsets) + 1;
      const lacking = Array.from({ length: end }, (_, o) => o).filter((o) => !offsets.has(o));
      return `partition ${p} up to ${end} lacks ${lacking.join() || 'none'}`;
    })
    .join('; ');
}

/** The outputs of a topic of one partition. */
async function outputsOf(topic: string): Promise<readonly Output[]> {
  const folder = join(runFolder('kafka'), 'broker');
  const files = ['--print-data-log', '--files', `data/${topic}-0/00000000000000000000.log`];
  const command = await kafkaTool('org.apache.kafka.tools.DumpLogSegments', files);
  const { stdout } = await promisify(execFile)('java', [...command], { cwd: folder, maxBuffer: 2 ** 30 });
  return committedOf(stdout, 0).map(({ payload }) => {
    const { p, o, answer } = JSON.parse(payload);
    return { p, o, version: typeof answer === 'string' ? JSON.parse(answer).version : answer };
  });
}

test('over one rolling update with kills Flink scores by wrong versions of latest, and by none of a stream', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'flink-streams-cluster-'));
  ending.push(() => rmSync(directory, { recursive: true, force: true }));
  const folders = await new StreamFolders().make();
  ending.push(() => folders.remove());
  const cluster: FlinkCluster = await startFlink(directory);
  let { taskManager } = cluster;
  ending.push(async () => {
    for (const server of [cluster.gateway, taskManager, cluster.jobManager]) await stopServer(server);
  });
  const served = new Served(await freePort());
  await served.make(folders);
  await served.start();
  ending.push(() => served.kill());

  const brokers = addressOf('KAFKA_BROKERS').join();
  const topics = { ours: `${served.namespace}.ours`, latest: `${served.namespace}.latest` };
  await makeTopics(Object.values(topics));
  const jobs = await startJobs(cluster, served, topics, brokers);
  ending.push(async () => {
    for (const job of jobs)
      await fetch(`http://127.0.0.1:${cluster.jobManager.port}/jobs/${job}?mode=cancel`, { method: 'PATCH' });
  });

  let sent = 0;
  const send = async (count: number) => {
    const events = Array.from({ length: count }, () => {
      sent += 1;
      return event(sent, Date.now());
    });
    await served.ask('/v1/events/asked', events);
  };
  // To look at the outputs starts Java; to look how many there are does not.
  const { Admin } = await import('@platformatic/kafka');
  const admin = new Admin({ clientId: 'flink-streams', bootstrapBrokers: [...brokers.split(',')] });
  ending.push(() => admin.close());
  const isScored = async (topic: string, least: number) => {
    const end = await endOf(admin, topic);
    if (end < least) return `${end} outputs of ${least}`;
    const seen = new Set((await outputsOf(topic)).map(({ p, o }) => `${p}/${o}`));
    return seen.size >= least || `${seen.size} of ${least}: ${gapsOf([...seen])}`;
  };
  await send(200);
  await until(() => isScored(topics.ours, 200), SCORED_MS);
  await until(() => isScored(topics.latest, 200), SCORED_MS);
  // Records that Flink has read, and not yet made safe by a checkpoint, when the new version comes.
  for (let i = 0; i < 10; i += 1) await send(20);
  served.addVersion(2);
  const [{ name }] = answeredProject.streams ?? [];
  await served.ask(`/v1/streams/${name}`, { action: 'roll', version: 2 });
  await served.ask('/v2/repository/models/naive/load', {});
  await stopServer(taskManager, 'SIGKILL');
  await send(100);
  await served.kill();
  await served.start();
  taskManager = await startTaskManager(directory, cluster.jobManager.port);
  for (let i = 0; i < 5; i += 1) await send(20);
  await until(() => isScored(topics.ours, sent), SCORED_MS);
  await until(() => isScored(topics.latest, sent), SCORED_MS);

  // The server may have been killed before the plan was committed.
  const { partitions } = (await served.ask(`/v1/streams/${name}`)) as {
    readonly partitions: readonly {
      readonly intervals: readonly { readonly from: number; readonly version: number }[];
    }[];
  };
  expect(partitions.map(({ intervals }) => intervals.map(({ version }) => version))).toEqual(
    partitions.map(() => [1, 2]),
  );
  const barriers = partitions.map(({ intervals }) => intervals[1].from);
  const wrongOf = (outputs: readonly Output[]) =>
    outputs.filter(({ p, o, version }) => version !== (o < barriers[p] ? 1 : 2)).length;
  const [ours, latest] = [await outputsOf(topics.ours), await outputsOf(topics.latest)];
  console.info(
    `${sent} records, barriers ${barriers.join()}: ours ${ours.length} outputs, ${wrongOf(ours)} wrong; latest ${latest.length} outputs, ${wrongOf(latest)} wrong`,
  );
  expect(wrongOf(ours)).toBe(0);
  expect(new Set(ours.map(({ version }) => version))).toEqual(new Set([1, 2]));
  // A replay is scored by whatever is newest.
  expect(wrongOf(latest)).toBeGreaterThan(0);
}, 3_000_000);

/** Records of a topic of one partition. */
async function endOf(admin: Admin, topic: string): Promise<number> {
  const partitions = [{ partitionIndex: 0, timestamp: -1n }];
  const [found] = await admin.listOffsets({ topics: [{ name: topic, partitions }] });
  return Number(found?.partitions[0]?.offset ?? 0);
}

async function makeTopics(names: readonly string[]): Promise<void> {
  const { Admin } = await import('@platformatic/kafka');
  const admin = new Admin({ clientId: 'flink-streams', bootstrapBrokers: [...addressOf('KAFKA_BROKERS')] });
  await admin.createTopics({ topics: [...names], partitions: 1, replicas: 1 });
  await admin.close();
}

async function startJobs(
  cluster: FlinkCluster,
  served: Served,
  topics: { readonly ours: string; readonly latest: string },
  brokers: string,
): Promise<readonly string[]> {
  const session = await GatewaySession.open(
    `http://127.0.0.1:${cluster.gateway.port}`,
    {
      'execution.checkpointing.interval': '10s',
      'parallelism.default': '1',
      'restart-strategy.fixed-delay.attempts': '1000',
    },
    120_000,
  );
  const kafka = `'connector'='kafka','properties.bootstrap.servers'='${brokers}','format'='json'`;
  const endpoint = `'provider'='triton','endpoint'='http://127.0.0.1:${served.port}'`;
  const request = `JSON_OBJECT('partition' VALUE p, 'offset' VALUE o, 'at' VALUE at_ms, 'request' VALUE
    JSON_OBJECT('name' VALUE name, 'number' VALUE number, 'gaps' VALUE gaps, 'category' VALUE category))`;
  const statements = [
    `ADD JAR '${await flinkTriton()}'`,
    `CREATE TABLE asked (\`at\` BIGINT, name STRING, number DOUBLE, gaps DOUBLE, category INT,
      p INT METADATA FROM 'partition' VIRTUAL, o BIGINT METADATA FROM 'offset' VIRTUAL)
      WITH (${kafka},'topic'='${served.namespace}.asked.1','scan.startup.mode'='earliest-offset')`,
    ...Object.entries(topics).map(
      ([name, topic]) =>
        `CREATE TABLE ${name} (p INT, o BIGINT, answer ${name === 'ours' ? 'STRING' : 'FLOAT'}) WITH (${kafka},'topic'='${topic}')`,
    ),
    `CREATE MODEL by_map INPUT (request STRING) OUTPUT (\`result\` STRING) WITH (${endpoint},'model-name'='stream_answered')`,
    `CREATE MODEL newest INPUT (\`value\` ARRAY<FLOAT>) OUTPUT (score FLOAT) WITH (${endpoint},'model-name'='naive')`,
    `CREATE TEMPORARY VIEW requests AS SELECT p, o, ${request.replace('at_ms', '`at`')} AS request FROM asked`,
    'CREATE TEMPORARY VIEW `values` AS SELECT p, o, ARRAY[CAST(1 AS FLOAT)] AS `value` FROM asked',
    'INSERT INTO ours SELECT p, o, `result` FROM ML_PREDICT(TABLE requests, MODEL by_map, DESCRIPTOR(request))',
    'INSERT INTO latest SELECT p, o, score FROM ML_PREDICT(TABLE `values`, MODEL newest, DESCRIPTOR(`value`))',
  ];
  const jobs: string[] = [];
  for (const statement of statements) {
    const { jobId } = await session.run(statement);
    if (jobId !== null) jobs.push(jobId);
  }
  await session.close();
  return jobs;
}
