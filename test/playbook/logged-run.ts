import { once } from 'node:events';
import { createServer } from 'node:net';
import { insideOf } from '../../src/running/inside.ts';
import { openMlflowContext } from '../../src/server/mlflow/mlflow-context.ts';
import { startRegistryServer } from '../../src/server/mlflow/registry-server.ts';
import { WatchedRun, type WatchedRunEnvironment, watchedProject } from './watched-project.ts';

/** A watched model whose training program logs its versions by a client of MLflow, with the registry that it logs to. */
export async function openLoggedRun(
  directory: string,
  command: readonly string[],
  environment: WatchedRunEnvironment = {},
): Promise<{ readonly run: WatchedRun; readonly close: () => Promise<void> }> {
  const declared = watchedProject(
    { retrain: { rows: 200, cooldown: '1h' }, gate: { recent: '1h', rows: 100 }, shadow: { labels: 100 } },
    undefined,
    { kind: 'mlflow', command },
  );
  const port = await freePort();
  const run = await WatchedRun.open(directory, declared, { ...environment, registry: { port } });
  const onFault = (error: unknown) => run.faults.push(error);
  const { stores } = insideOf(run.headrace);
  const context = openMlflowContext({ ...stores, clock: () => run.now, webhooks: [], checkPromotion: null, onFault });
  const server = await startRegistryServer(context, { host: '127.0.0.1', port, directory, version: '3.17.2', onFault });
  const close = async () => {
    await server.close();
    await run.headrace.close();
  };
  return { run, close };
}

/** The decisions from a concept drift to a new champion. */
export const PROMOTION = [
  'open watched/conceptDrift/brier',
  'retrain',
  'gate',
  'rollOut',
  'pass',
  'resolve watched/conceptDrift/brier',
  'end promoted',
];

/** Two quiet hours, then hours whose labels say the opposite until a new version is champion; the decisions, without waits. */
export async function driftToPromotion(run: WatchedRun): Promise<readonly string[]> {
  for (const at of [1, 2]) await run.hour(at);
  for (let at = 3; at <= 9; at += 1) await run.hour(at, { turned: true });
  return (await run.decisions()).filter((one) => !one.startsWith('wait'));
}

async function freePort(): Promise<number> {
  const listening = createServer().listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const address = listening.address();
  listening.close();
  await once(listening, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
