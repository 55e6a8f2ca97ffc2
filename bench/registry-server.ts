import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FileArtifactStore } from '../src/backends/embedded/artifacts/file-artifact-store.ts';
import { openMlflowContext } from '../src/server/mlflow/mlflow-context.ts';
import { startRegistryServer } from '../src/server/mlflow/registry-server.ts';
import { openPostgresRegistry, openSqliteRegistry, registryFile } from '../src/site/open-registry.ts';
import { fillRegistry } from './fill-registry.ts';

/** The registry's server in its own process, with runs written into its tables; on PostgreSQL if it gets the URL of a database. */
const [directory = '', port = '0', runs = '0', url = ''] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });
const path = registryFile(directory);
if (url === '') await fillRegistry(path, Number(runs));
const onFault = (error: unknown) => console.error(error);
const context = openMlflowContext({
  registry:
    url === ''
      ? openSqliteRegistry(path)
      : await openPostgresRegistry({ url, password: null, schema: 'public', ca: null }),
  artifacts: new FileArtifactStore(join(directory, 'artifacts')),
  clock: Date.now,
  webhooks: [],
  checkPromotion: null,
  onFault,
});
await startRegistryServer(context, { host: '127.0.0.1', port: Number(port), directory, version: '3.17.2', onFault });
