import { createHash } from 'node:crypto';
import { labStep } from '../lab.ts';
import { shopper } from './declaration.ts';
import { cpuSeconds, openShop, RATE } from './open-shop.ts';
import { anyUser } from './visitors.ts';

const NODES = 8;
const READS = 4_000;
/** Parts of a salted key. */
const SALTS = 8;

/** The node of a key among some, as a cluster divides keys. */
function nodeOf(key: string, nodes: number): number {
  return createHash('sha256').update(key).digest().readUInt32LE(0) % nodes;
}

/** The share of requests that the busiest of some nodes gets. */
function busiestShare(users: readonly string[], nodes: number): number {
  const counts = new Array<number>(nodes).fill(0);
  for (const user of users) counts[nodeOf(user, nodes)] += 1;
  return Math.max(...counts) / users.length;
}

/** One user is asked for all the time. */
export const hotKey = labStep({
  id: 'hot-key',
  title: 'One key is hot',
  asks: 'A celebrity opens the shop: one key gets a large share of all requests. A cluster keeps a key on one node. Make the key hot, and choose where its values are.',
  act: {
    verb: 'Make one key hot',
    effect:
      'Reads vectors with one key among them that is asked for again and again, and divides the same requests among nodes.',
  },
  figures: {
    hot: { what: 'share of requests for the hot key', unit: '%' },
    rate: { what: 'rate of the question', unit: 'vectors/s' },
    read: { what: 'processor time of a read', unit: 'µs' },
    busiest: { what: 'share of requests at the busiest node, keys divided by their hash', unit: '%' },
    doubled: { what: 'the same with twice as many nodes', unit: '%' },
    nodes: { what: 'nodes', unit: '' },
  },
  loss: { what: 'cores that the busiest node needs', unit: 'cores' },
  choices: {
    divide: {
      text: 'Divide keys by their hash, as the cluster does',
      shows: 'The busiest node needs {loss}: it gets {busiest} of all requests.',
    },
    more: {
      text: 'Twice as many nodes',
      shows: 'The busiest node needs {loss}: it still gets {doubled} of all requests.',
    },
    salt: {
      text: 'Salt the key: its events are divided into parts, and a read merges them',
      shows: 'The busiest node needs {loss}: the load is even, and each read is as many reads as there are parts.',
    },
    near: {
      text: 'Values in memory next to every reader, so that any node answers any key',
      shows: 'The busiest node needs {loss}: requests are divided, not keys.',
    },
  },
  measure: async ({ folder, random, signal, say }) => {
    const headrace = await openShop(folder, random);
    try {
      const share = 0.25 + 0.4 * random();
      const users = Array.from({ length: READS }, () => (random() < share ? 'u0' : anyUser(random)));
      const readAll = async () => {
        for (const user of users) await headrace.read(shopper, { user });
      };
      say('reads once to warm up');
      await readAll();
      signal.throwIfAborted();
      say('reads with one hot key');
      const readS = (await cpuSeconds(readAll)) / users.length;
      const [busiest, doubled] = [busiestShare(users, NODES), busiestShare(users, 2 * NODES)];
      const cores = (part: number) => part * RATE * readS;
      return {
        figures: {
          hot: (100 * users.filter((user) => user === 'u0').length) / users.length,
          rate: RATE,
          read: 1e6 * readS,
          busiest: 100 * busiest,
          doubled: 100 * doubled,
          nodes: NODES,
        },
        losses: { divide: cores(busiest), more: cores(doubled), salt: cores(SALTS / NODES), near: cores(1 / NODES) },
      };
    } finally {
      await headrace.close();
    }
  },
});
