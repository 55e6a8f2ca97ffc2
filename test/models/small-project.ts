import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import {
  bool,
  count,
  decimal,
  entity,
  eventSource,
  featureService,
  float,
  int,
  int64,
  lookup,
  model,
  nullable,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import type { ArtifactStore } from '../../src/ports/artifact-store.ts';
import type { ModelRegistry, ModelVersion } from '../../src/ports/model-registry.ts';
import { ModelServer } from '../../src/serving/online/model-server.ts';
import { newVersion } from '../../src/testing/contracts/model-registry.ts';
import { registeredIn } from './registered.ts';
import { smallFrame } from './small-frame.ts';
import { trainLogistic } from './train-whole.ts';

/** What asks for predictions. */
export const asked = eventSource('asked', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), name: text(), number: float(), gaps: nullable(float()), category: int() },
});

/** What tells how it came. */
export const came = eventSource('came', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), asked: text(), good: nullable(bool()) },
});

/** Requests of an hour by name. */
export const byName = streamView('by_name', {
  source: asked,
  entity: entity('name', { name: text() }),
  key: { name: 'name' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ asked: count() }),
});

/** A service of one streaming feature and its request: by_asked_1h, name, number, gaps and category. */
export const service = featureService('small', {
  request: { name: text(), number: float(), gaps: nullable(float()), category: int() },
  join: (r) => ({ by: lookup(byName, { name: r.name }) }),
  compute: (r) => ({ name: r.name, number: r.number, gaps: r.gaps, category: r.category }),
});

export const small = model('small', {
  task: 'binary',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
  train: { with: { kind: 'logisticRegression', categorical: ['category'] } },
});

/** A service of every type that a model can read, and of one that it cannot: by_asked_1h, t, b, i, l, d, f and at. */
export const everyType = featureService('every', {
  request: { t: text(), b: nullable(bool()), i: int(), l: int64(), d: decimal(2), f: nullable(float()), at: time() },
  join: (r) => ({ by: lookup(byName, { name: r.t }) }),
  compute: (r) => ({ t: r.t, b: r.b, i: r.i, l: r.l, d: r.d, f: r.f, at: r.at }),
});

/** Trains the small model with strength `c` and registers it. */
export function registerSmall(registry: ModelRegistry, artifacts: ArtifactStore, c: number): Promise<ModelVersion> {
  return registerModel('small', registry, artifacts, c);
}

/** Trains the small model and registers it as one of another name. */
export async function registerModel(
  name: string,
  registry: ModelRegistry,
  artifacts: ArtifactStore,
  c: number,
): Promise<ModelVersion> {
  const frame = smallFrame();
  const { onnx, input, output, parity } = trainLogistic(
    frame,
    { categorical: ['category'], c, maxIterations: 50 },
    'small',
  );
  return registry.register(
    newVersion(name, {
      signature: { features: frame.names, input, output },
      artifact: await artifacts.put(onnx),
      parity: await artifacts.put(new TextEncoder().encode(JSON.stringify(parity))),
    }),
  );
}

/** The server of the small model. */
export function smallServer(registry: ModelRegistry, artifacts: ArtifactStore): ModelServer {
  const registered = registeredIn({ registry, artifacts, runtime: onnxRuntime });
  return new ModelServer({ model: small, registry, artifacts, registered });
}
