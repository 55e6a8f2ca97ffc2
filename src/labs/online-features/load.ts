import { askedBy } from '../../running/asked-by.ts';
import { labStep } from '../lab.ts';
import { shopper } from './declaration.ts';
import { openGateway } from './gateway.ts';
import { cpuSeconds, openShop, RATE } from './open-shop.ts';
import { anyUser } from './visitors.ts';

/** Vectors of a page. */
const PAGE = 20;
const WARM_UPS = 500;
const CALLS = 4_000;
const BODIES = 500;

/** The cost of the rate on this machine. */
export const load = labStep({
  id: 'load',
  title: 'Start the load, and size it',
  asks: 'A page ranks a list of users, and each needs a vector. Start the load over HTTP from another process, measure the processor time of a vector, and choose how callers ask.',
  act: {
    verb: 'Start the load',
    effect: 'Serves the shop over HTTP on this machine, and lets another process ask for vectors in each way.',
  },
  figures: {
    rate: { what: 'rate of the question', unit: 'vectors/s' },
    single: { what: 'processor time of a vector by itself', unit: 'µs' },
    paged: { what: 'processor time of a vector of a page', unit: 'µs' },
    hop: { what: 'processor time of a vector through a gateway', unit: 'µs' },
    perCore: { what: 'vectors of pages that a core answers', unit: 'vectors/s' },
  },
  loss: { what: 'cores that the rate needs', unit: 'cores' },
  choices: {
    single: { text: 'One call for each vector', shows: 'The rate needs {loss}: a vector takes {single}.' },
    page: { text: 'One call for all vectors of a page', shows: 'The rate needs {loss}: a vector takes {paged}.' },
    gateway: {
      text: 'One call for each vector, through a gateway that hides the store',
      shows: 'The rate needs {loss}: with the hop a vector takes {hop}.',
    },
  },
  measure: async ({ folder, random, serve, signal, say }) => {
    const headrace = await openShop(folder, random);
    const server = await serve(headrace);
    const gateway = await openGateway(server.url);
    const request = () => ({ user: anyUser(random) });
    const single = Array.from({ length: BODIES }, () => JSON.stringify({ request: request() }));
    const paged = Array.from({ length: BODIES }, () =>
      JSON.stringify({ requests: Array.from({ length: PAGE }, request) }),
    );
    /** Processor time of a vector, s. */
    const perVector = async (name: string, base: string, bodies: readonly string[], vectors: number) => {
      signal.throwIfAborted();
      say(`${name}: another process asks`);
      const url = `${base}/v1/features/${shopper.name}`;
      const count = CALLS / vectors;
      await askedBy({ url, bodies, count: WARM_UPS / vectors });
      return (await cpuSeconds(() => askedBy({ url, bodies, count }))) / (count * vectors);
    };
    try {
      const ofSingle = await perVector('single', server.url, single, 1);
      const ofPage = await perVector('page', server.url, paged, PAGE);
      const ofHop = await perVector('gateway', gateway.url, single, 1);
      return {
        figures: { rate: RATE, single: 1e6 * ofSingle, paged: 1e6 * ofPage, hop: 1e6 * ofHop, perCore: 1 / ofPage },
        losses: { single: RATE * ofSingle, page: RATE * ofPage, gateway: RATE * ofHop },
      };
    } finally {
      await gateway.close();
      await server.close();
      await headrace.close();
    }
  },
});
