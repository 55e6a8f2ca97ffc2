import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedFolder } from './shared-folder.ts';

/* The recorded traffic of MLflow's own clients with the official server, and scenarios that hold on it: replayed here. */

const FOLDER = sharedFolder('data/serving/mlflow');

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly content_type: string;
  readonly body: unknown;
  readonly status: number;
  readonly response: unknown;
}

interface Step {
  readonly scenario: string;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body?: unknown;
  readonly raw_body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly save?: Readonly<Record<string, string>>;
  readonly expect: {
    readonly status: number;
    readonly error_code?: string;
    readonly message_contains?: string;
    readonly json?: Readonly<Record<string, unknown>>;
    readonly metrics?: Readonly<Record<string, object>>;
    readonly params?: Readonly<Record<string, string>>;
    readonly metric_values_in_order?: readonly number[];
    readonly version_set?: readonly string[];
    readonly files?: readonly object[];
    readonly body_b64?: string;
  };
}

function lines<T>(name: string): readonly T[] {
  return readFileSync(join(FOLDER, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** Ids that a server makes, which differ from recording to replay. */
const IDS = /m-[0-9a-f]{32}|[0-9a-f]{32}/g;

/** A recorded text with the ids of this server. */
function translated(text: string, ids: ReadonlyMap<string, string>): string {
  return text.replaceAll(IDS, (id) => ids.get(id) ?? id);
}

/** Learns which id of this server stands for which recorded one, from answers of one shape. */
function learn(recorded: unknown, found: unknown, ids: Map<string, string>): void {
  if (typeof recorded === 'string' && typeof found === 'string') {
    const [before, now] = [recorded.match(IDS) ?? [], found.match(IDS) ?? []];
    if (before.length === now.length) for (const [i, id] of before.entries()) ids.set(id, now[i]);
  } else if (typeof recorded === 'object' && recorded !== null && typeof found === 'object' && found !== null)
    for (const [key, value] of Object.entries(recorded)) learn(value, (found as Record<string, unknown>)[key], ids);
}

/** Keys and types; of lists the shape of the first member, and whether there is one. NaN and infinities travel as texts. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, each]) => [key, key === 'value' ? 'any' : shapeOf(each)]),
    );
  return typeof value;
}

/** Members that this server adds: links between a version and the logged model it is of, aliases of newest versions. */
const ADDED = new Set(['registrations', 'model_id', 'aliases']);

/** A shape without the members that this server adds to another one. */
function withoutAdded(shape: unknown, other: unknown): unknown {
  if (Array.isArray(shape)) return shape.map((each) => withoutAdded(each, Array.isArray(other) ? other[0] : undefined));
  if (typeof shape !== 'object' || shape === null) return shape;
  const wanted = (other ?? {}) as Record<string, unknown>;
  const kept = Object.entries(shape).filter(([key]) => !ADDED.has(key) || key in wanted);
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutAdded(each, wanted[key])]));
}

/** Whether the recordings are there. */
export const hasRecordings = existsSync(FOLDER);

export const recordings = ['client-2.17-main', 'client-2.17-more', 'client-3.6-main', 'client-3.6-more'] as const;

/** Replays a recording on an empty server; returns how many requests it has, and what differs from the official server's answers. */
export async function replay(
  url: string,
  name: (typeof recordings)[number],
): Promise<{ readonly count: number; readonly differences: readonly string[] }> {
  const ids = new Map<string, string>();
  const differences: string[] = [];
  let count = 0;
  for (const exchange of lines<Exchange>(`${name}.jsonl`)) {
    if (exchange.method === undefined) continue;
    count += 1;
    const { method, path, query } = exchange;
    const bytes = typeof exchange.body === 'string' ? Number(/^<(\d+) bytes>$/.exec(exchange.body)?.[1]) : Number.NaN;
    const body = Number.isNaN(bytes) ? translated(JSON.stringify(exchange.body), ids) : 'x'.repeat(bytes);
    const response = await fetch(`${url}${translated(path + query, ids)}`, {
      method,
      ...(method === 'GET' || body === '' ? {} : { body }),
      headers: exchange.content_type === '' ? {} : { 'content-type': exchange.content_type },
    });
    const text = await response.text();
    const label = `${count} ${method} ${path}${query} ${body.slice(0, 200)}`;
    if (response.status !== exchange.status) {
      differences.push(`${label}: ${response.status}, not ${exchange.status}: ${text.slice(0, 300)}`);
      continue;
    }
    if (typeof exchange.response === 'string') continue;
    const found: unknown = JSON.parse(text);
    learn(exchange.response, found, ids);
    const expected = shapeOf(exchange.response);
    const [has, wants] = [JSON.stringify(withoutAdded(shapeOf(found), expected)), JSON.stringify(expected)];
    if (has !== wants) differences.push(`${label}:\n  has   ${has}\n  wants ${wants}`);
  }
  return { count, differences };
}

/** Steps that end otherwise than on the official server: a model with an alias is sealed, and these delete one and look for it. */
export const SEALED_STEPS = [
  '38 DELETE /api/2.0/mlflow/registered-models/delete',
  '39 GET /api/2.0/mlflow/registered-models/get',
];

/** Runs the scenarios, each on an empty server; returns how many steps there are, and those that fail. */
export async function runScenarios(
  emptyServer: () => Promise<string>,
): Promise<{ readonly steps: number; readonly failures: readonly string[] }> {
  const failures: string[] = [];
  let [scenario, url, saved, steps] = ['', '', new Map<string, string>(), 0];
  for (const step of lines<Step>('scenarios.jsonl')) {
    if (step.scenario !== scenario) [scenario, url, saved] = [step.scenario, await emptyServer(), new Map()];
    steps += 1;
    const problem = await problemOf(url, step, saved);
    if (problem !== null) failures.push(`${steps} ${step.method} ${step.path}: ${problem}`);
  }
  return { steps, failures };
}

async function problemOf(url: string, step: Step, saved: Map<string, string>): Promise<string | null> {
  const fill = (text: string) => text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => saved.get(name) ?? '');
  const body =
    step.raw_body === undefined
      ? step.body
        ? fill(JSON.stringify(step.body))
        : undefined
      : Buffer.from(step.raw_body, 'base64');
  const response = await fetch(fill(`${url}${step.path}${step.query === '' ? '' : `?${step.query}`}`), {
    method: step.method,
    ...(body === undefined ? {} : { body }),
    headers: {
      ...(step.raw_body === undefined && body !== undefined ? { 'content-type': 'application/json' } : {}),
      ...step.headers,
    },
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const { expect: wanted } = step;
  if (response.status !== wanted.status)
    return `status ${response.status}, not ${wanted.status}: ${bytes.toString().slice(0, 200)}`;
  if (wanted.body_b64 !== undefined) return bytes.toString('base64') === wanted.body_b64 ? null : 'other bytes';
  const json: unknown = JSON.parse(bytes.toString());
  for (const [name, pointer] of Object.entries(step.save ?? {})) saved.set(name, String(at(json, pointer)));
  if (wanted.error_code !== undefined && at(json, '/error_code') !== wanted.error_code) return bytes.toString();
  if (wanted.message_contains !== undefined && !String(at(json, '/message')).includes(wanted.message_contains))
    return bytes.toString();
  for (const [pointer, value] of Object.entries(wanted.json ?? {})) {
    const filled = typeof value === 'string' ? fill(value) : value;
    if (at(json, pointer) !== filled)
      return `${pointer} is ${JSON.stringify(at(json, pointer))}, not ${JSON.stringify(filled)}`;
  }
  return listProblem(json, wanted);
}

function listProblem(json: unknown, wanted: Step['expect']): string | null {
  const byKey = (pointer: string) =>
    new Map(((at(json, pointer) ?? []) as readonly { readonly key: string }[]).map((one) => [one.key, one]));
  for (const [key, value] of Object.entries(wanted.metrics ?? {}))
    for (const [member, each] of Object.entries(value))
      if ((byKey('/run/data/metrics').get(key) as Record<string, unknown> | undefined)?.[member] !== each)
        return `metric ${key} ${member}`;
  for (const [key, value] of Object.entries(wanted.params ?? {}))
    if ((byKey('/run/data/params').get(key) as { readonly value?: string } | undefined)?.value !== value)
      return `param ${key}`;
  const same = (found: unknown, expected: unknown) => JSON.stringify(found) === JSON.stringify(expected);
  const values = ((at(json, '/metrics') ?? []) as readonly { readonly value: number }[]).map(({ value }) => value);
  if (wanted.metric_values_in_order !== undefined && !same(values, wanted.metric_values_in_order))
    return `metrics ${values.join()}`;
  const versions = ((at(json, '/model_versions') ?? []) as readonly { readonly version: string }[])
    .map(({ version }) => version)
    .sort();
  if (wanted.version_set !== undefined && !same(versions, wanted.version_set)) return `versions ${versions.join()}`;
  if (wanted.files !== undefined && !same(at(json, '/files') ?? [], wanted.files))
    return `files ${JSON.stringify(at(json, '/files'))}`;
  return null;
}

/** The value at a JSON pointer. */
function at(json: unknown, pointer: string): unknown {
  let value: unknown = json;
  for (const part of pointer.split('/').slice(1)) value = (value as Record<string, unknown> | undefined)?.[part];
  return value;
}
