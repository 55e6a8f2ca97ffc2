import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { type FlinkCluster, startTaskManager } from '../services/flink.ts';
import { startNode } from '../services/redis-cluster.ts';
import { type Server, stopServer } from '../services/server.ts';
import type { ClicksTopic } from './clicks-topic.ts';
import { ended, run, type Serving, serve } from './processes.ts';

/** What is done to the system at which share of the run. */
export interface Fault {
  readonly share: number;
  readonly what: string;
  readonly cause: () => Promise<void>;
}

const RETRY_MS = 2_000;

/** Slots that move from one primary to another. */
const SLOTS = 400;

export interface System {
  readonly clicks: ClicksTopic;
  /** Three primaries, then their replicas. */
  readonly nodes: Server[];
  readonly nodesDirectory: string;
  readonly flink: { -readonly [part in keyof FlinkCluster]: FlinkCluster[part] };
  writer: Serving;
}

export function faultsOf(system: System): readonly Fault[] {
  const { clicks, nodes, nodesDirectory, flink } = system;
  return [
    { share: 0.15, what: 'a primary of the store is killed', cause: () => stopServer(nodes[1]) },
    {
      share: 0.3,
      what: 'the node comes back, as a replica',
      cause: async () => {
        nodes[1] = await startNode(nodesDirectory, nodes[1].port);
      },
    },
    {
      share: 0.4,
      what: "Flink's task manager is killed, another started",
      cause: async () => {
        await stopServer(flink.taskManager);
        flink.taskManager = await startTaskManager(flink.taskManager.directory, flink.jobManager.port);
      },
    },
    {
      share: 0.55,
      what: 'the job is stopped with a savepoint, and started from it',
      cause: async () => {
        // While a job starts again after a failure it has no savepoint.
        while (!(await run('tiles', 'stop'))) await sleep(RETRY_MS);
        await ended(run('tiles', 'deploy'));
      },
    },
    {
      share: 0.7,
      what: `${SLOTS} slots move to another primary`,
      cause: () => moveSlots(nodes[0].port, nodes[2].port),
    },
    {
      share: 0.82,
      what: 'a member joins the group that reads the topic, gets partitions, and leaves',
      cause: () => clicks.rebalance(),
    },
    {
      share: 0.9,
      what: 'the process that writes is killed, another started',
      cause: async () => {
        const port = Number(new URL(system.writer.url).port);
        await system.writer.end('SIGKILL');
        system.writer = await serve(port);
      },
    },
  ];
}

/** Moves slots while they are written and read, key by key, as an operator's tool does. */
async function moveSlots(fromPort: number, toPort: number): Promise<void> {
  const [from, to] = await Promise.all([fromPort, toPort].map(connectTo));
  const [fromId, toId] = await Promise.all([from, to].map((node) => node.sendCommand(['CLUSTER', 'MYID'])));
  for (let slot = 0; slot < SLOTS; slot += 1) {
    await to.sendCommand(['CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', String(fromId)]);
    await from.sendCommand(['CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', String(toId)]);
    for (;;) {
      const keys = await from.sendCommand(['CLUSTER', 'GETKEYSINSLOT', String(slot), '100']);
      if (!Array.isArray(keys) || keys.length === 0) break;
      for (const key of keys.map(String))
        await from.sendCommand(['MIGRATE', '127.0.0.1', String(toPort), key, '0', '5000']);
    }
    for (const node of [to, from]) await node.sendCommand(['CLUSTER', 'SETSLOT', String(slot), 'NODE', String(toId)]);
    await sleep(5);
  }
  for (const node of [from, to]) node.destroy();
}

async function connectTo(port: number) {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on('error', () => undefined);
  return await client.connect();
}
