// Run as its own process by forget.test.ts, which kills it.
import { openHeadrace } from '../../src/running/headrace.ts';
import { project } from '../server/shop.ts';

const [directory = '', user = '', now = '0'] = process.argv.slice(2);
const headrace = await openHeadrace({ project, environment: { directory, partitions: 2 }, clock: () => Number(now) });
await headrace.forget('user', { user });
// Too quick for the first kill, it is begun again.
for (;;) await headrace.forget('user', { user });
