import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { mlflow3 } from '../scripts/services/mlflow.ts';
import { cached, freePorts } from '../scripts/services/service.ts';
import { peerPython } from '../scripts/yardstick/peers.ts';
import { defineProject } from '../src/features/define/declare.ts';
import { openHeadrace } from '../src/running/headrace.ts';
import { insideOf } from '../src/running/inside.ts';
import { startServer } from '../src/server/http-server.ts';
import { openMlflowContext } from '../src/server/mlflow/mlflow-context.ts';
import { startRegistryServer } from '../src/server/mlflow/registry-server.ts';
import { printFigure } from './figure.ts';
import { httpLoad } from './http-load.ts';
import { median } from './measure.ts';
import { withServices } from './services.ts';
import { scratchDirectory } from './shop.ts';

/**
 * A scikit-learn model of 100 trees and 24 features by its worker in Python, and as ONNX, next to MLServer, which keeps it in
 * a process too: JSON, one row a request, 16 in flight, the same load from a thread of this process.
 */
const MS = Number(process.env['HEADRACE_BENCH_SECONDS'] ?? 4) * 1_000;
const ROUNDS = 4;
const CONNECTIONS = 16;
const FIT = fileURLToPath(new URL('./fit-sklearn.py', import.meta.url));

const row = Array.from({ length: 24 }, (_, i) => Math.sin(i));
const body = JSON.stringify({ inputs: [{ name: 'input-0', datatype: 'FP64', shape: [1, 24], data: row }] });

await withServices([mlflow3], async (told) => {
  const python = told['MLFLOW_3'] ?? '';
  const other = await mlserver();
  const worker = await ours(python, false);
  const onnx = await ours(python, true);
  try {
    const rates: Record<string, number[]> = { other: [], worker: [], onnx: [] };
    const tails: Record<string, number[]> = { other: [], worker: [], onnx: [] };
    for (let round = 0; round < ROUNDS; round += 1)
      for (const [name, { url }] of Object.entries({ other, worker, onnx })) {
        const { perSecond, p99Ms, errors } = await httpLoad({ url, body, connections: CONNECTIONS, ms: MS });
        if (errors > 0) throw new Error(`${name}: ${errors} answers were none`);
        if (round === 0) continue;
        rates[name].push(perSecond);
        tails[name].push(p99Ms);
      }
    const yardstick = 'MLServer 1.7.1 with scikit-learn';
    const beside = { yardstick, yardstickValue: median(rates['other']) };
    const aim = { of: 'ratio', atLeast: 2 } as const;
    const what = 'scikit-learn of 100 trees over HTTP, c = 16';
    printFigure({
      name: `${what}, worker in Python`,
      unit: 'requests/s',
      value: median(rates['worker']),
      ...beside,
      aim,
    });
    printFigure({ name: `${what}, as ONNX`, unit: 'requests/s', value: median(rates['onnx']), ...beside, aim: null });
    const tail = { yardstick, yardstickValue: median(tails['other']), aim: null };
    printFigure({ name: `${what}, worker in Python: p99`, unit: 'ms', value: median(tails['worker']), ...tail });
  } finally {
    for (const one of [other, worker, onnx]) await one.close();
  }
});

interface Served {
  readonly url: string;
  close(): Promise<void>;
}

/** A server whose registry has the model, in this process. */
async function ours(python: string, onnx: boolean): Promise<Served> {
  const directory = scratchDirectory();
  const environments = cached('python-environments');
  mkdirSync(environments, { recursive: true });
  symlinkSync(environments, join(directory, 'python'));
  const options = {
    directory,
    partitions: 1,
    models: { python: { interpreter: python, onnx, start: '10m' as const } },
  };
  const headrace = await openHeadrace({ project: defineProject('python', {}), environment: options });
  const { stores, host } = insideOf(headrace);
  const onFault = (error: unknown) => console.error(error);
  const context = openMlflowContext({ ...stores, clock: Date.now, webhooks: [], checkPromotion: null, onFault });
  const at = { host: '127.0.0.1', port: 0 };
  const registry = await startRegistryServer(context, { ...at, directory, version: '3.17.2', onFault });
  await program(python, [FIT, 'mlflow', registry.url, 'trees'], directory);
  await registry.close();
  await host.load('trees');
  const place = host.findLoaded('trees', '')?.place;
  if ((place === 'process') === onnx) throw new Error(`the model is served in the place ${place}`);
  const server = await startServer(headrace, { ...at, bodyLimit: 2 ** 20 });
  return {
    url: `${server.url}/v2/models/trees/infer`,
    close: async () => {
      await server.close();
      await headrace.close();
    },
  };
}

/** MLServer with the same model, with its default of one process for inference. */
async function mlserver(): Promise<Served> {
  const python = await peerPython('mlserver');
  const directory = scratchDirectory();
  await program(python, [FIT, 'file', join(directory, 'model.joblib')], directory);
  const [http = 0, grpc = 0, metrics = 0] = await freePorts(3);
  const settings = { http_port: http, grpc_port: grpc, metrics_port: metrics, host: '127.0.0.1', debug: false };
  writeFileSync(join(directory, 'settings.json'), JSON.stringify(settings));
  const model = {
    name: 'trees',
    implementation: 'mlserver_sklearn.SKLearnModel',
    parameters: { uri: './model.joblib' },
  };
  writeFileSync(join(directory, 'model-settings.json'), JSON.stringify(model));
  const env = { ...process.env, PATH: `${dirname(python)}:${process.env['PATH']}`, OMP_NUM_THREADS: '1' };
  const args = ['-c', 'from mlserver.cli import main; main()', 'start', directory];
  const child = spawn(python, args, { cwd: directory, env, detached: true, stdio: 'ignore' });
  const url = `http://127.0.0.1:${http}/v2/models/trees/infer`;
  for (let i = 0; i < 600; i += 1) {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(url, { method: 'POST', headers, body }).catch(() => null);
    if (answer?.ok === true) break;
    await sleep(200);
  }
  return {
    url,
    close: async () => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    },
  };
}

async function program(python: string, args: readonly string[], cwd: string): Promise<void> {
  const env = { ...process.env, MLFLOW_DISABLE_TELEMETRY: 'true', GIT_PYTHON_REFRESH: 'quiet' };
  const child = spawn(python, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(errors.slice(-2_000));
}
