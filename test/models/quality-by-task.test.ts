import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { seededRandom } from '../../src/base/rng.ts';
import {
  bool,
  defineProject,
  eventSource,
  float,
  int,
  model,
  nullable,
  text,
  time,
} from '../../src/features/define/declare.ts';
import type { BinaryQuality, RegressionQuality } from '../../src/monitoring/labels/quality.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { asked, registerModel, service } from './small-project.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START = Date.UTC(2026, 0, 1);
const PREDICTIONS = Number(process.env['HEADRACE_QUALITY_PREDICTIONS'] ?? 60);
const random = seededRandom(Number(process.env['HEADRACE_QUALITY_SEED'] ?? 1));
const below = (bound: number): number => Math.floor(random() * bound);

/** A type of label column: how a random value is sent, and which number it stands for. */
interface LabelType<V> {
  readonly draw: () => { readonly sent: V; readonly number: number | null };
}

const orNull = <V>({ draw }: LabelType<V>): LabelType<V | null> => ({
  draw: () => (below(4) === 0 ? { sent: null, number: null } : draw()),
});
const yesOrNo: LabelType<boolean> = {
  draw: () => {
    const sent = below(3) === 0;
    return { sent, number: sent ? 1 : 0 };
  },
};
const wholes: LabelType<number> = {
  draw: () => {
    const sent = [0, 300, 256, -7, below(10_000), 2 ** 40 + below(9)][below(6)];
    return { sent, number: sent };
  },
};
const doubles: LabelType<number> = {
  draw: () => {
    const sent = [300.5, -0.25, 1e-9, (random() - 0.5) * 2_000][below(4)];
    return { sent, number: sent };
  },
};

const common = { id: text(), at: time(), asked: text() };
const roles = { id: 'id', time: 'at', lateness: '1h' } as const;
const came = {
  bool: eventSource('came_bool', { ...roles, columns: { ...common, y: bool() } }),
  boolOrNull: eventSource('came_bool_null', { ...roles, columns: { ...common, y: nullable(bool()) } }),
  int: eventSource('came_int', { ...roles, columns: { ...common, y: int() } }),
  intOrNull: eventSource('came_int_null', { ...roles, columns: { ...common, y: nullable(int()) } }),
  float: eventSource('came_float', { ...roles, columns: { ...common, y: float() } }),
  floatOrNull: eventSource('came_float_null', { ...roles, columns: { ...common, y: nullable(float()) } }),
};
const rest = {
  service,
  spine: { from: asked, id: 'id' },
  train: { with: { kind: 'logisticRegression' } },
} as const;
const label = { id: 'asked', within: '6h' } as const;
const models = {
  bool: model('m_bool', {
    ...rest,
    task: 'binary',
    label: { ...label, from: came.bool, value: (e) => e.y, otherwise: false },
  }),
  boolOrNull: model('m_bool_null', {
    ...rest,
    task: 'binary',
    label: { ...label, from: came.boolOrNull, value: (e) => e.y },
  }),
  int: model('m_int', {
    ...rest,
    task: 'regression',
    quantile: 0.9,
    label: { ...label, from: came.int, value: (e) => e.y },
  }),
  intOrNull: model('m_int_null', {
    ...rest,
    task: 'regression',
    label: { ...label, from: came.intOrNull, value: (e) => e.y, otherwise: -12.5 },
  }),
  float: model('m_float', {
    ...rest,
    task: 'regression',
    quantile: 0.25,
    label: { ...label, from: came.float, value: (e) => e.y },
  }),
  floatOrNull: model('m_float_null', {
    ...rest,
    task: 'regression',
    label: { ...label, from: came.floatOrNull, value: (e) => e.y },
  }),
};
type Kind = keyof typeof models;
const types: Readonly<Record<Kind, LabelType<unknown>>> = {
  bool: yesOrNo,
  boolOrNull: orNull(yesOrNo),
  int: wholes,
  intOrNull: orNull(wholes),
  float: doubles,
  floatOrNull: orNull(doubles),
};
const kinds = Object.keys(models) as Kind[];
const project = defineProject('tasks', { asked, service, ...renamed('s', came), ...renamed('m', models) });

function renamed<T>(prefix: string, of: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(of).map(([name, one]) => [`${prefix}_${name}`, one]));
}

const directory = mkdtempSync(join(tmpdir(), 'headrace-tasks-'));
let now = START;
let headrace: Headrace;
let server: RunningServer;

const open = () => openHeadrace({ project, environment: { directory }, clock: () => now });

beforeAll(async () => {
  headrace = await open();
  const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
  const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
  for (const kind of kinds) {
    await registerModel(models[kind].name, registry, artifacts, 0.3);
    await headrace.promote(models[kind], 1);
  }
  await registry.close();
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
});

afterAll(async () => {
  await server.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

async function post(path: string, body: unknown): Promise<Readonly<Record<string, unknown>>> {
  const answer = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const read = (await answer.json()) as Readonly<Record<string, unknown>>;
  expect(answer.status, JSON.stringify(read)).toBe(200);
  return read;
}

/** A prediction as it was answered, and the number of the label that counts. */
interface Told {
  readonly at: number;
  readonly score: number;
  label: number | null;
}

interface Sent {
  readonly kind: Kind;
  readonly prediction: string;
  readonly at: number;
}

/** Asks for a prediction, and says when labels of it will be sent: none, one or two, in time or not. */
async function predict(kind: Kind, id: string, told: Map<string, Told>): Promise<readonly Sent[]> {
  const request = {
    name: `n${below(5)}`,
    number: below(40) - 10,
    gaps: below(5) === 0 ? null : random(),
    category: below(6),
  };
  const { score } = await post(`/v1/predictions/${models[kind].name}`, { id, request, at: now });
  const { otherwise } = models[kind].label;
  told.set(id, { at: now, score: Number(score), label: otherwise === null ? null : Number(otherwise) });
  const late = [[], [HOUR_MS], [6 * HOUR_MS], [7 * HOUR_MS], [2 * HOUR_MS, 3 * HOUR_MS], [HOUR_MS]][below(6)];
  return late.map((after) => ({ kind, prediction: id, at: now + after }));
}

/** Sends a label; of a prediction's labels the first that says something counts, within six hours. */
async function send({ kind, prediction, at }: Sent, n: number, told: Map<string, Told>, labelled: Set<string>) {
  const { sent, number } = types[kind].draw();
  await post(`/v1/events/${came[kind].name}`, { id: `l${n}`, at, asked: prediction, y: sent });
  const one = told.get(prediction);
  if (one === undefined || number === null || labelled.has(prediction) || at > one.at + 6 * HOUR_MS) return;
  one.label = number;
  labelled.add(prediction);
}

/** The metrics by their definitions, in one pass after the other. */
function naive(kind: Kind, told: readonly Told[]) {
  const judged = told.flatMap(({ score, label: y }) => (y === null ? [] : [{ score, y }]));
  const mean = (of: (pair: { readonly score: number; readonly y: number }) => number) =>
    judged.length === 0 ? null : judged.reduce((sum, pair) => sum + of(pair), 0) / judged.length;
  const span = { predictions: told.length, labelled: judged.length, coverage: judged.length / told.length };
  const { task, quantile } = models[kind];
  if (task === 'binary') {
    const positives = judged.filter(({ y }) => y === 1);
    const negatives = judged.filter(({ y }) => y === 0);
    const wins = positives.flatMap((p) =>
      negatives.map((n) => (p.score > n.score ? 1 : p.score === n.score ? 0.5 : 0)),
    );
    const base = positives.length / judged.length;
    const loss = (p: number, y: number) => -Math.log(y === 1 ? p : 1 - p);
    return {
      ...span,
      positives: positives.length,
      auc: wins.length === 0 ? null : wins.reduce<number>((sum, won) => sum + won, 0) / wins.length,
      logLoss: mean(({ score, y }) => loss(score, y)),
      baseLogLoss: mean(({ y }) => (base === 0 || base === 1 ? 1e-7 : loss(base, y))),
      brier: mean(({ score, y }) => (score - y) ** 2),
    };
  }
  const centre = mean(({ y }) => y) ?? 0;
  const squares = mean(({ score, y }) => (score - y) ** 2);
  const around = mean(({ y }) => (y - centre) ** 2);
  return {
    ...span,
    mae: mean(({ score, y }) => Math.abs(score - y)),
    rmse: squares === null ? null : Math.sqrt(squares),
    r2: squares === null || around === null || around === 0 ? null : 1 - squares / around,
    pinball:
      quantile === null
        ? null
        : mean(({ score, y }) => (y > score ? quantile * (y - score) : (1 - quantile) * (score - y))),
  };
}

function near(found: object | null, expected: object): void {
  for (const [name, value] of Object.entries(expected)) {
    const got: unknown = found === null ? undefined : Object.entries(found).find(([key]) => key === name)?.[1];
    if (typeof value !== 'number') expect(got, name).toBe(value);
    else
      expect(Math.abs(Number(got) - value), `${name}: ${String(got)} for ${value}`).toBeLessThanOrEqual(
        1e-6 * Math.max(1e-3, Math.abs(value)),
      );
  }
}

test('for every task and type of label the quality is a naive one, as labels come and from the history', async () => {
  const told: Readonly<Record<Kind, Map<string, Told>>> = {
    bool: new Map(),
    boolOrNull: new Map(),
    int: new Map(),
    intOrNull: new Map(),
    float: new Map(),
    floatOrNull: new Map(),
  };
  const labelled = new Set<string>();
  const waiting: Sent[] = [];
  let n = 0;
  for (let i = 0; i < PREDICTIONS; i += 1) {
    const next = now + below(3) * HOUR_MS + 1;
    for (let one = waiting[0]; one !== undefined && one.at <= next; one = waiting[0]) {
      now = one.at;
      await send(one, n++, told[one.kind], labelled);
      waiting.shift();
    }
    now = next;
    for (const kind of kinds) waiting.push(...(await predict(kind, `${kind}-${i}`, told[kind])));
    waiting.sort((a, b) => a.at - b.at);
    await headrace.tick();
  }
  for (const one of waiting) {
    now = Math.max(now, one.at);
    await send(one, n++, told[one.kind], labelled);
  }
  now += DAY_MS;
  await headrace.tick();
  for (const kind of kinds) {
    const { quality } = headrace.outcomes(models[kind]);
    const history = await headrace.realisedQuality(models[kind], START, now);
    expect(history.days()).toEqual(quality.days());
    const all = [...told[kind].values()];
    near(quality.between(START, now), naive(kind, all));
    expect(history.between(START, now), kind).toEqual(quality.between(START, now));
    for (const day of quality.days()) {
      near(
        quality.between(day, day + 1),
        naive(
          kind,
          all.filter(({ at }) => at >= day && at < day + DAY_MS),
        ),
      );
      expect(history.between(day, day + 1)).toEqual(quality.between(day, day + 1));
    }
  }
});

test('a quality has the metrics of its task, by type as well', async () => {
  expectTypeOf(headrace.outcomes(models.bool).quality.between(START, now)).toEqualTypeOf<BinaryQuality | null>();
  expectTypeOf(headrace.outcomes(models.int).quality.between(START, now)).toEqualTypeOf<RegressionQuality | null>();
  const binary = headrace.outcomes(models.bool).quality.between(START, now);
  const regression = headrace.outcomes(models.float).quality.between(START, now);
  expect(Object.keys(binary ?? {})).toContain('auc');
  expect(Object.keys(regression ?? {})).not.toContain('auc');
});
