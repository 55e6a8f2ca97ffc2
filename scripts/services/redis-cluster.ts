import { join } from 'node:path';
import { valkeyBinary } from './binaries.ts';
import { busPort, formCluster } from './form-cluster.ts';
import { isRunning, type Server, startServer, stopServer } from './server.ts';
import { freePorts, readState, removeRunFolder, runFolder, type Service, writeState } from './service.ts';

const NAME = 'redis-cluster';

/** Three primaries, each with a replica. */
const NODES = 6;

/** A cluster of Valkey servers on the loopback interface. */
export const redisCluster: Service = {
  name: NAME,
  sets: ['REDIS_CLUSTER_NODES'],
  async fetch() {
    await valkeyBinary();
  },
  async up() {
    const known = running();
    if (known !== null) return told(known);
    await redisCluster.down();
    const nodes = await startCluster(runFolder(NAME));
    writeState(NAME, nodes);
    return told(nodes);
  },
  async down() {
    for (const node of readState<readonly Server[]>(NAME) ?? []) await stopServer(node);
    removeRunFolder(NAME);
  },
  async status() {
    const nodes = running();
    return nodes === null ? null : told(nodes);
  },
};

/** Starts six servers and makes them one cluster. */
export async function startCluster(directory: string): Promise<readonly Server[]> {
  const nodes: Server[] = [];
  for (const port of await freePorts(NODES, 1)) nodes.push(await startNode(directory, port));
  await formCluster(nodes.map(({ port }) => port));
  return nodes;
}

/** Starts one node; one that was there before knows the others. */
export async function startNode(directory: string, port: number): Promise<Server> {
  const settings = {
    'cluster-enabled': 'yes',
    'cluster-port': `${busPort(port)}`,
    'cluster-node-timeout': '1500',
    'repl-diskless-sync-delay': '0',
  };
  return startServer({ binary: await valkeyBinary(), port, directory: join(directory, String(port)), settings });
}

function running(): readonly Server[] | null {
  const nodes = readState<readonly Server[]>(NAME);
  return nodes?.every(isRunning) ? nodes : null;
}

function told(nodes: readonly Server[]): Readonly<Record<string, string>> {
  return { REDIS_CLUSTER_NODES: nodes.map(({ port }) => `redis://127.0.0.1:${port}`).join(',') };
}
