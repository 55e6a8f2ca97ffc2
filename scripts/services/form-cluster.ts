import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { START_MS } from './server.ts';

const SLOTS = 16_384;

/** The port between the nodes: their own choice, ten thousand above the other, is one that the system gives to outgoing connections. */
export function busPort(port: number): number {
  return port + 1;
}

/** Makes empty servers a cluster: the first half primaries, the second their replicas; waits until all agree. */
export async function formCluster(ports: readonly number[]): Promise<void> {
  const nodes = await Promise.all(
    ports.map(async (port) =>
      createClient({ url: `redis://127.0.0.1:${port}`, socket: { connectTimeout: START_MS } }).connect(),
    ),
  );
  const primaries = nodes.length / 2;
  try {
    for (let i = 0; i < primaries; i += 1) {
      const [from, to] = [i, i + 1].map((part) => Math.floor((part * SLOTS) / primaries));
      await nodes[i].sendCommand(['CLUSTER', 'ADDSLOTSRANGE', String(from), String(to - 1)]);
      await nodes[i].sendCommand(['CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1)]);
    }
    for (const port of ports.slice(1))
      await nodes[0].sendCommand(['CLUSTER', 'MEET', '127.0.0.1', String(port), String(busPort(port))]);
    const ids = await Promise.all(nodes.map(async (node) => String(await node.sendCommand(['CLUSTER', 'MYID']))));
    for (let i = primaries; i < nodes.length; i += 1)
      await until(async () => {
        await nodes[i].sendCommand(['CLUSTER', 'REPLICATE', ids[i - primaries]]);
        return true;
      });
    await until(async () => (await Promise.all(nodes.map(isWhole(ports.length)))).every(Boolean));
  } finally {
    for (const node of nodes) node.destroy();
  }
}

type Node = Pick<Awaited<ReturnType<ReturnType<typeof createClient>['connect']>>, 'sendCommand'>;

/** Whether a node sees the whole cluster, its replicas linked. */
function isWhole(nodes: number): (node: Node) => Promise<boolean> {
  return async (node) => {
    const info = String(await node.sendCommand(['CLUSTER', 'INFO']));
    const replication = String(await node.sendCommand(['INFO', 'replication']));
    const linked = replication.includes('role:master')
      ? replication.includes('state=online')
      : replication.includes('master_link_status:up');
    return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes}`) && linked;
  };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; ; await sleep(50)) {
    try {
      if (await holds()) return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    if (Date.now() > end) throw new Error('the cluster does not form');
  }
}
