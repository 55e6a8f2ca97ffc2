import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelData } from '../features/define/declaration.ts';
import { modelInputs } from '../model/model-inputs.ts';
import { temporaryFolder } from '../process/temporary-folder.ts';
import type { ColumnSpec } from '../schema/column.ts';
import type { ModeCosts } from '../serving/advise/mode-advice.ts';
import { encodePrediction } from '../serving/online/prediction-record.ts';
import { askedBy } from './asked-by.ts';
import type { Headrace } from './headrace.ts';
import { insideOf } from './inside.ts';

/** The measured parts of a million predictions on this machine, core seconds. */
export interface MeasuredModes {
  /** Requests of the history that were used. */
  readonly requests: number;
  readonly http: number;
  readonly features: number;
  readonly model: number;
  readonly log: number;
  readonly file: number;
}

/** Serves a project over HTTP on this machine. */
export type ServeProject = (headrace: Headrace) => Promise<{ readonly url: string; close(): Promise<void> }>;

/** Predictions of each measurement. */
const PREDICTIONS = 4_000;
const WARM_UPS = 500;

/** Calls that a busy server scores in one run, about, and events of a stream. */
const ONLINE_ROWS = 16;
const STREAM_ROWS = 256;

/** Rows of the file: enough to hide the start of the job. */
const FILE_ROWS = 100_000;

/** Requests that are taken from the history. */
const MOST_REQUESTS = 1_000;

const MILLION = 1e6;

/**
 * Measures the processor time of predictions of a model's champion on this machine, over requests of the history. It predicts
 * nothing that is logged. Null: the history has no row of the model's spine that can be asked.
 */
export async function measureModes(
  headrace: Headrace,
  model: ModelData,
  serve: ServeProject,
): Promise<MeasuredModes | null> {
  const requests = await requestsOf(headrace, model);
  if (requests.length === 0) return null;
  const { features, models } = insideOf(headrace);
  const { server } = models.named(model.name);
  const read = async (i: number) => (await features.read(model.service, requests[i % requests.length])).values;
  const vectors: (readonly never[])[] = [];
  const readMs = await cpuOf(PREDICTIONS, async (i) => {
    const values = await read(i);
    if (vectors.length < STREAM_ROWS) vectors.push(values as readonly never[]);
  });
  const rowsOf = (count: number) => Array.from({ length: count }, (_, i) => vectors[i % vectors.length]);
  const online = rowsOf(ONLINE_ROWS);
  const modelMs = (await cpuOf(PREDICTIONS / ONLINE_ROWS, () => server.score(online))) / ONLINE_ROWS;
  const logMs = await cpuOf(PREDICTIONS, async (i) => encodePrediction(predictionOf(i)));
  const httpMs = Math.max(0, (await httpCpu(await serve(headrace), model, requests)) - readMs);
  const fileMs = await fileCpu(headrace, model, rowsOf(FILE_ROWS));
  const perMillion = (ms: number) => (ms * MILLION) / 1_000;
  return {
    requests: requests.length,
    http: perMillion(httpMs),
    features: perMillion(readMs),
    model: perMillion(modelMs),
    log: perMillion(logMs),
    file: perMillion(fileMs),
  };
}

/** The costs of the modes by their parts. A stream reads, scores and logs without HTTP; a file has its features. */
export function costsOf(measured: MeasuredModes | null): ModeCosts {
  if (measured === null) return { online: null, streaming: null, batch: null };
  const { http, features, model, log, file } = measured;
  return { online: http + features + model + log, streaming: features + model + log, batch: features + file };
}

type Request = Readonly<Record<string, unknown>>;

/** Requests of the newest rows of the model's spine that its service takes. */
async function requestsOf(headrace: Headrace, { service, spine }: ModelData): Promise<readonly Request[]> {
  await headrace.flush();
  const columns = Object.keys(service.request);
  const listed = columns.map((name) => `"${name}"`).join(', ');
  const sql = `SELECT ${listed} FROM ${headrace.deliveries(spine.from)} ORDER BY "${spine.from.time}" DESC LIMIT ${MOST_REQUESTS}`;
  const found: Request[] = [];
  for await (const rows of headrace.history.query(sql))
    for (const row of rows)
      found.push(
        Object.fromEntries(columns.map((name, i) => [name, requestValue(service.request[name].type, row[i])])),
      );
  const taken = await Promise.all(
    found.map(async (request) => {
      try {
        await headrace.read(service, request);
        return [request];
      } catch {
        return [];
      }
    }),
  );
  return taken.flat();
}

/** The history has whole numbers of every type as bigints. */
function requestValue(type: ColumnSpec['type'], value: unknown): unknown {
  return typeof value === 'bigint' && type !== 'int64' ? Number(value) : value;
}

/** Processor time of one call, ms, of many after a warm-up. */
async function cpuOf(count: number, call: (i: number) => Promise<unknown>): Promise<number> {
  for (let i = 0; i < Math.min(count, WARM_UPS); i += 1) await call(i);
  const before = process.cpuUsage();
  for (let i = 0; i < count; i += 1) await call(i);
  return cpuMs(before) / count;
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1_000;
}

function predictionOf(i: number) {
  const at = 1_700_000_000_000 + i;
  return { id: `a${i}`, at, servedAt: at, version: 1, score: 0.5, streamingAgeMs: 0, batchAgeMs: null, missing: 0 };
}

/** Processor time of a read over HTTP, ms; the client is a separate process. */
async function httpCpu(
  server: Awaited<ReturnType<ServeProject>>,
  { service }: ModelData,
  requests: readonly Request[],
): Promise<number> {
  try {
    const bodies = requests.map((request) => JSON.stringify({ request: plain(request) }));
    const url = `${server.url}/v1/features/${service.name}`;
    await askedBy({ url, bodies, count: WARM_UPS });
    const before = process.cpuUsage();
    await askedBy({ url, bodies, count: PREDICTIONS });
    return cpuMs(before) / PREDICTIONS;
  } finally {
    await server.close();
  }
}

function plain(request: Request): Request {
  return Object.fromEntries(
    Object.entries(request).map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
  );
}

/** Time of one worker for a row of a file, ms: a core is its own while it scores. */
async function fileCpu(
  headrace: Headrace,
  model: ModelData,
  vectors: readonly (readonly unknown[])[],
): Promise<number> {
  const { path: folder, remove } = temporaryFolder('headrace-advise-');
  try {
    const inputs = modelInputs(model.service).filter(({ element }) => element === null);
    const head = inputs.map(({ name }) => name).join(',');
    const lines = vectors.map((values) => inputs.map(({ feature }) => cellOf(values[feature])).join(','));
    const [few, many] = [join(folder, 'few.csv'), join(folder, 'many.csv')];
    writeFileSync(few, `${head}\n${lines[0]}\n`);
    writeFileSync(many, `${head}\n${lines.join('\n')}\n`);
    const start = await elapsed(headrace, model, { from: few, to: join(folder, 'few') });
    const whole = await elapsed(headrace, model, { from: many, to: join(folder, 'many') });
    // The start of the workers is no cost of a row.
    return Math.max(0, whole - start) / lines.length;
  } finally {
    remove();
  }
}

async function elapsed(headrace: Headrace, model: ModelData, place: { readonly from: string; readonly to: string }) {
  const began = performance.now();
  const { result } = await headrace.startBatch(model, { ...place, workers: 1 });
  await result;
  return performance.now() - began;
}

/** Numbers and booleans; a feature that is missing is an empty cell. */
function cellOf(value: unknown): string {
  return value === null || value === undefined ? '' : String(value);
}
