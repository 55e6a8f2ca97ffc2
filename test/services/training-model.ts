import type {
  EventSourceData,
  FeatureServiceData,
  ModelData,
  StreamViewData,
} from '../../src/features/define/declaration.ts';
import type { ReadMode } from '../../src/features/plan/stream-read.ts';
import { type LabelledRow, trainingRows } from '../../src/featurestore/training-set/training-set.ts';
import type { LabelState } from '../../src/model/label-maturity.ts';
import type { HistoryEngine } from '../../src/ports/history-engine.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import { serviceOf, sourceOf } from '../sql/declare.ts';

/** Who asks: rows of the entity's key at an instant, ids of their own. */
export function askingSource(name: string, view: StreamViewData): EventSourceData {
  return sourceOf(view.entity.key, { name });
}

/** A model of all features of a view, asked for by a source; every row has the label 0. */
export function modelOf(view: StreamViewData, asking: EventSourceData): ModelData {
  const service: FeatureServiceData = {
    ...serviceOf(view),
    features: view.features.map(({ name, type }) => ({
      name: `a_${name}`,
      type,
      tier: 'streaming',
      from: 'a',
      feature: name,
    })),
  };
  return {
    kind: 'model',
    name: view.name,
    task: 'binary',
    quantile: null,
    p99Ms: null,
    service,
    spine: { from: asking, id: 'id' },
    label: {
      from: asking,
      id: 'id',
      value: { kind: 'literal', value: 0 },
      valueType: { type: 'int', nullable: false },
      otherwise: null,
      withinMs: 0,
    },
    train: { with: { kind: 'logisticRegression' }, windowMs: null },
    monitors: [],
    playbook: {},
    rollout: {},
  };
}

/** The rows of a model's training set by id, joined by an engine, or by the offline store where it is null. */
export async function rowsBy(
  engine: HistoryEngine | null,
  offline: OfflineStore,
  model: ModelData,
  mode: ReadMode,
): Promise<ReadonlyMap<string, LabelledRow>> {
  const rows = new Map<string, LabelledRow>();
  const labelled = (state: LabelState): void => {
    if (state === 'pending' || state === 'unlabelled') throw new TypeError('a row has no label');
  };
  const onComputeError = (_: unknown, error: unknown): never => {
    throw error;
  };
  const options = {
    model,
    offline,
    engine,
    mode,
    between: { from: null, to: null },
    now: Number.POSITIVE_INFINITY,
    onComputeError,
  };
  for await (const batch of trainingRows(options, labelled)) for (const row of batch) rows.set(row.id, row);
  return rows;
}
