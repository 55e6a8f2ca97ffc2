import { setTimeout as sleep } from 'node:timers/promises';

/** Clients of MLflow for bench/separate-planes.bench.ts, over HTTP as the client writes it: four runs get batches as fast as they are taken. */
const [port = '0'] = process.argv.slice(2);
const url = `http://127.0.0.1:${port}/api/2.0/mlflow`;

async function post(path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(`${url}/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function runId(): Promise<string> {
  for (;;) {
    const made = await post('runs/create', { experiment_id: '0', start_time: Date.now() }).catch(() => null);
    if (made?.ok === true) return JSON.parse(await made.text()).run.info.run_id;
    await sleep(100);
  }
}

async function log(): Promise<never> {
  const run_id = await runId();
  for (let step = 0; ; step += 1) {
    const metrics = Array.from({ length: 100 }, (_, i) => ({
      key: `m${i}`,
      value: i / (step + 1),
      timestamp: Date.now(),
      step,
    }));
    const answer = await post('runs/log-batch', { run_id, metrics });
    if (!answer.ok) throw new Error(await answer.text());
    if (step === 0) console.log('logs');
  }
}

await Promise.all(Array.from({ length: 4 }, log));
