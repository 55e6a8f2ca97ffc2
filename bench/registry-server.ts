import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { FileArtifactStore } from '../src/backends/embedded/artifacts/file-artifact-store.ts';
import { openMlflowContext } from '../src/server/mlflow/mlflow-context.ts';
import { startRegistryServer } from '../src/server/mlflow/registry-server.ts';
import { openPostgresRegistry, openSqliteRegistry, registryFile } from '../src/site/open-registry.ts';

/** The registry's server in its own process, with runs written into its tables; on PostgreSQL if it gets the URL of a database. */
const [directory = '', port = '0', runs = '0', url = ''] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });
const path = registryFile(directory);
if (url === '') {
  await openSqliteRegistry(path).close();
  fill(Number(runs));
}
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

/** As fill-mlflow.py fills MLflow's tables. */
function fill(count: number): void {
  const database = new DatabaseSync(path);
  database.exec('BEGIN');
  const run = database.prepare(
    "INSERT INTO runs (no, id, experiment, name, user_name, status, started, ended, uri, stage) VALUES (?, ?, 0, 'r', 'u', 'FINISHED', ?, ?, '', 'active')",
  );
  const metric = database.prepare(
    'INSERT INTO latest_metrics (owner, key, value, nan, at, step) VALUES (?, ?, ?, 0, 1, 0)',
  );
  const param = database.prepare('INSERT INTO run_params (owner, key, value) VALUES (?, ?, ?)');
  const tag = database.prepare('INSERT INTO run_tags (owner, key, value) VALUES (?, ?, ?)');
  for (let i = 1; i <= count; i += 1) {
    run.run(i, i.toString(16).padStart(32, '0'), i, i + 1);
    metric.run(i, 'auc', ((i * 7919) % 10_000) / 10_000);
    metric.run(i, 'loss', i / count);
    param.run(i, 'depth', String(i % 10));
    param.run(i, 'lr', String((i % 100) / 100));
    tag.run(i, 'mlflow.runName', 'r');
  }
  database.exec('COMMIT; ANALYZE');
  database.close();
}
