import { setInterval } from 'node:timers/promises';
import { openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { startServer } from '../../src/server/http-server.ts';
import { project } from './shop.ts';

/** Serves the shop from a directory until it is killed; prints its URL, then does what is due as the command line does. */
const [directory] = process.argv.slice(2);
const headrace = await openHeadrace({ project, environment: { directory, partitions: 2 } });
const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
console.log(server.url);
for await (const _ of setInterval(100)) {
  await headrace.tick();
  await insideOf(headrace).features.commit();
}
