import { join } from 'node:path';
import { FileArtifactStore } from '../src/backends/embedded/artifacts/file-artifact-store.ts';
import { onnxRuntime } from '../src/backends/onnx/onnx-runtime.ts';
import { seededRandom } from '../src/base/rng.ts';
import { IdBudget } from '../src/monitoring/labels/known-ids.ts';
import { LabelJoin } from '../src/monitoring/labels/label-join.ts';
import { RealisedQuality } from '../src/monitoring/labels/realised-quality.ts';
import { openHeadrace } from '../src/running/headrace.ts';
import { insideOf } from '../src/running/inside.ts';
import { ModelServer } from '../src/serving/online/model-server.ts';
import type { NewPrediction } from '../src/serving/online/prediction.ts';
import { PredictionHistory } from '../src/serving/online/prediction-history.ts';
import { predictionTopic } from '../src/serving/online/prediction-record.ts';
import { openSqliteRegistry } from '../src/site/open-registry.ts';
import { environmentIn, prepare, project } from '../test/loop/prediction-project.ts';
import { MemoryEventLog } from '../test/memory/event-log.ts';
import { MemoryWaitingIds } from '../test/memory/waiting-ids.ts';
import { registeredIn } from '../test/models/registered.ts';
import { service, small } from '../test/models/small-project.ts';
import { printFigure } from './figure.ts';
import { measureRates } from './measure.ts';
import { scratchDirectory } from './shop.ts';

/**
 * Predictions in process, 32 calls at a time: features read, scored, appended to the log, waiting for labels and for the
 * history. Yardstick in the same run: the same without the append, so that a killed process would lose them. First for few names, which
 * are all in memory; then for any of many, most of which are not.
 */
const PREDICTIONS = 8_000;
const NAMES = 50;
const MANY_NAMES = Number(process.env['HEADRACE_BENCH_USERS'] ?? 1_000_000) / 5;
const AT_ONCE = 32;
const FILLED_AT_ONCE = 5_000;
/** The least memory that an environment may have, bytes. */
const LEAST_MEMORY = 2 ** 24;

const directory = scratchDirectory();
await prepare(directory);
const headrace = await openHeadrace({ project, environment: environmentIn(directory) });
const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
const registered = registeredIn({ registry, artifacts, runtime: onnxRuntime });
const server = new ModelServer({ model: small, registry, artifacts, registered });
await server.refresh();

const memory = new MemoryEventLog();
memory.openTopic(predictionTopic(small), 1);
const { offline } = insideOf(headrace).stores;
const unlogged = { model: small, log: memory, offline, seen: () => undefined, unreadable: () => undefined };
const history = await PredictionHistory.open(unlogged);
const quality = new RealisedQuality(small);
const labels = new LabelJoin({
  store: new MemoryWaitingIds(),
  budget: new IdBudget(Number.POSITIVE_INFINITY),
  withinMs: 86_400_000,
  latenessMs: 0,
  otherwise: null,
  predicted: (prediction) => quality.predicted(prediction),
  judged: (prediction) => quality.judged(prediction),
  unlabelled: (prediction) => quality.unlabelled(prediction),
});
let offset = 0;

async function predictUnlogged(i: number): Promise<NewPrediction> {
  const id = `p${i}`;
  const { at, ages, missing, values } = await insideOf(headrace).features.read(
    service,
    request(i),
    undefined,
    id,
    null,
  );
  const { version, scores } = await server.score([values]);
  const prediction = { id, model: small.name, version, score: scores[0], at, ages, missing: missing.length };
  const { streaming, batch } = ages;
  const logged = { ...prediction, servedAt: at, streamingAgeMs: streaming, batchAgeMs: batch };
  history.take(0, offset++, [logged]);
  labels.predict(id, at, version, prediction.score);
  return prediction;
}

let made = 0;
const request = (i: number) => ({ name: `n${i % NAMES}`, number: i % 37, gaps: 0.5, category: i % 6 });

async function inTurns(one: (i: number) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < PREDICTIONS; i += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => one(made++)));
  }
}

const rates = await measureRates({
  logged: {
    operations: PREDICTIONS,
    run: () => inTurns((i) => headrace.predict(small, `p${i}`, request(i))),
  },
  unlogged: { operations: PREDICTIONS, run: () => inTurns(predictUnlogged) },
});
await server.close();
await registry.close();
await headrace.close();

printFigure({
  name: `predictions that are in the log when they are answered, ${NAMES} names, all in memory`,
  unit: 'predictions/s',
  value: rates.logged,
  yardstick: 'the same, in memory alone',
  yardstickValue: rates.unlogged,
  aim: { of: 'ratio', atLeast: 0.87 },
});

const { rate, distinct } = await overManyNames();
printFigure({
  name: `the same, any of ${MANY_NAMES.toLocaleString('en')} names, most of them not in memory, ${distinct.toLocaleString('en')} distinct`,
  unit: 'predictions/s',
  value: rate,
  yardstick: `${NAMES} names, all in memory`,
  yardstickValue: rates.logged,
  aim: null,
});

/** Predictions for names at random, of a project that was opened again: nothing is in memory at first, and a tenth of them fits. */
async function overManyNames(): Promise<{ readonly rate: number; readonly distinct: number }> {
  const folder = scratchDirectory();
  await prepare(folder);
  const open = (memory: number) => openHeadrace({ project, environment: { ...environmentIn(folder), memory } });
  const filling = await open(2 ** 30);
  const source = filling.source('asked');
  for (let from = 0; from < MANY_NAMES; from += FILLED_AT_ONCE) {
    const events = Array.from({ length: Math.min(FILLED_AT_ONCE, MANY_NAMES - from) }, (_, i) => {
      const name = `n${from + i}`;
      return { id: `a-${name}`, at: Date.now(), name, number: 1, gaps: 0.5, category: 1 };
    });
    await filling.ingest(source, events);
    await filling.tick();
  }
  await filling.close();
  const many = await open(Math.max(LEAST_MEMORY, MANY_NAMES * 200));
  const random = seededRandom(7);
  const names = new Set<string>();
  const anyRequest = (i: number) => {
    const name = `n${Math.floor(random() * MANY_NAMES)}`;
    names.add(name);
    return { ...request(i), name };
  };
  const measured = await measureRates({
    many: { operations: PREDICTIONS, run: () => inTurns((i) => many.predict(small, `p${i}`, anyRequest(i))) },
  });
  await many.close();
  return { rate: measured.many, distinct: names.size };
}
