import { join } from 'node:path';
import { FileArtifactStore } from '../src/backends/embedded/artifacts/file-artifact-store.ts';
import { MemoryEventLog } from '../src/backends/memory/event-log.ts';
import { onnxRuntime } from '../src/backends/onnx/onnx-runtime.ts';
import { openSqliteRegistry } from '../src/compose/open-registry.ts';
import { LabelJoin } from '../src/monitoring/labels/label-join.ts';
import { RealisedQuality } from '../src/monitoring/labels/realised-quality.ts';
import { openHeadrace } from '../src/running/headrace.ts';
import { insideOf } from '../src/running/inside.ts';
import { ModelServer } from '../src/serving/online/model-server.ts';
import type { NewPrediction } from '../src/serving/online/prediction.ts';
import { PredictionHistory } from '../src/serving/online/prediction-history.ts';
import { predictionTopic } from '../src/serving/online/prediction-record.ts';
import { environmentIn, prepare, project } from '../test/loop/prediction-project.ts';
import { service, small } from '../test/models/small-project.ts';
import { printFigure } from './figure.ts';
import { measureRates } from './measure.ts';
import { scratchDirectory } from './shop.ts';

/**
 * Predictions in process, 32 calls at a time: features read, scored, appended to the log, waiting for labels and for the
 * history. Yardstick in the same run: the same without the append, so that a killed process would lose them.
 */
const PREDICTIONS = 8_000;
const AT_ONCE = 32;

const directory = scratchDirectory();
await prepare(directory);
const headrace = await openHeadrace({ project, environment: environmentIn(directory) });
const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
const server = new ModelServer({ model: small, registry, artifacts, runtime: onnxRuntime });
await server.refresh();

const memory = new MemoryEventLog();
memory.openTopic(predictionTopic(small), 1);
const { offline } = insideOf(headrace).stores;
const unlogged = { model: small, log: memory, offline, seen: () => undefined, unreadable: () => undefined };
const history = await PredictionHistory.open(unlogged);
const quality = new RealisedQuality(small);
const labels = new LabelJoin({
  withinMs: 86_400_000,
  latenessMs: 0,
  otherwise: null,
  predicted: (prediction) => quality.predicted(prediction),
  judged: (prediction) => quality.judged(prediction),
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
const request = (i: number) => ({ name: `n${i % 50}`, number: i % 37, gaps: 0.5, category: i % 6 });

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
  name: 'predictions that are in the log when they are answered',
  unit: 'predictions/s',
  value: rates.logged,
  yardstick: 'the same, in memory alone',
  yardstickValue: rates.unlogged,
  aim: { of: 'ratio', atLeast: 0.87 },
});
