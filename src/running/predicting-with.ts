import type { ModelData } from '../features/define/declaration.ts';
import type { FeatureStore } from '../featurestore/feature-store.ts';
import type { PredictingWith } from '../serving/online/predict-many.ts';
import type { OpenProject } from './opened-project.ts';

/** The parts of a running project that make predictions of a model. Error: MODEL_UNKNOWN. */
export function predictingWith(
  { models, features, appends, stores }: Pick<OpenProject, 'models' | 'features' | 'appends' | 'stores'>,
  { name }: Pick<ModelData, 'name'>,
): PredictingWith {
  const read: FeatureStore['read'] = (of, request, at, id, trace) => features.read(of, request, at, id, trace);
  const predicted: PredictingWith['predicted'] = (...call) => features.measures.predicted(...call);
  return { open: models.named(name), read, appends, tracer: stores.traces?.tracer ?? null, predicted };
}
