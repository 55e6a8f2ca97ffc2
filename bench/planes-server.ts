import { openHeadrace, startServer } from 'headrace';
import { FileArtifactStore } from '../src/backends/embedded/artifacts/file-artifact-store.ts';
import { openMlflowContext } from '../src/server/mlflow/mlflow-context.ts';
import { startRegistryServer } from '../src/server/mlflow/registry-server.ts';
import { openSqliteRegistry } from '../src/site/open-registry.ts';
import { shop } from './shop.ts';

/**
 * The shop of the benches in one process, for bench/separate-planes.bench.ts: arguments are its directory, `front` or `alone` (no
 * thread has the connections), and the port of a registry that shares the thread; 0: there is none.
 */
const [directory = '', way = 'front', port = '0'] = process.argv.slice(2);
const headrace = await openHeadrace({ project: shop, environment: { directory, sampleRate: 0 } });
const server = await startServer(headrace, {
  host: '127.0.0.1',
  port: 0,
  bodyLimit: 2 ** 20,
  sharesPort: way === 'alone',
});
if (port !== '0') {
  const onFault = (error: unknown) => console.error(error);
  const context = openMlflowContext({
    registry: openSqliteRegistry(`${directory}/planes.sqlite`),
    artifacts: new FileArtifactStore(`${directory}/planes`),
    clock: Date.now,
    webhooks: [],
    checkPromotion: null,
    onFault,
  });
  await startRegistryServer(context, { host: '127.0.0.1', port: Number(port), directory, version: '3.17.2', onFault });
}
setInterval(() => void headrace.tick(), 1_000).unref();
process.once('SIGTERM', async () => {
  await server.close();
  await headrace.close();
  process.exit(0);
});
console.log(server.url);
