import { startServer } from 'headrace';
import { registryFile } from '../src/site/open-registry.ts';
import { fillRegistry } from './fill-registry.ts';
import { scratchDirectory, shop } from './shop.ts';
import { runningShop } from './shop-server.ts';

/** A shop with runs in its registry and its console, in its own process, which prints its address. */
const [runs = '0'] = process.argv.slice(2);
const directory = scratchDirectory();
await fillRegistry(registryFile(directory), Number(runs));
const { headrace } = await runningShop(shop, 20, { directory });
const { url } = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: '1MiB' });
setInterval(() => void headrace.tick().catch(console.error), 1_000);
// Its folder goes with it.
process.once('SIGTERM', () => process.exit(0));
console.log(url);
