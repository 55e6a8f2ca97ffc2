import { DatabaseSync } from 'node:sqlite';
import { openSqliteRegistry } from '../src/site/open-registry.ts';

/** Makes a registry with runs in its tables, as fill-mlflow.py fills MLflow's. */
export async function fillRegistry(path: string, count: number): Promise<void> {
  await openSqliteRegistry(path).close();
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
