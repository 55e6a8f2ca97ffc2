import { fail } from '../../base/errors/fail.ts';
import { typeText } from '../../schema/type-text.ts';
import { type BatchView, type BatchViewOptions, batchView } from './batch-view.ts';
import { float, int } from './column-factories.ts';
import type { ModelData } from './declaration.ts';
import type { EventSource } from './event-source.ts';
import { freeze } from './freeze.ts';
import type { Tags } from './tag.ts';

/** The features of precomputed scores. */
const SCORED = { score: float(), model_version: int() };

export interface BatchInferenceOptions<K extends Tags, R extends Readonly<Record<string, EventSource<Tags>>>>
  extends Omit<BatchViewOptions<K, R, Record<never, never>>, 'features' | 'sql'> {
  readonly model: ModelData;
  /** The share of the rows of a run that may be rejected (0.01). */
  readonly mostErrors?: number;
  /** Selects the entity's key columns and the columns of the model's request, one row per key. */
  readonly rows: BatchViewOptions<K, R, Record<never, never>>['sql'];
}

/**
 * Declares that a model scores one row for each key on a schedule. Each row gets the features of the run's instant and is scored by
 * a batch job. The scores are a batch view, with the features `score` and `model_version`.
 * Errors: those of a batch view, INFERENCE_SHARE, INFERENCE_KEY.
 */
export function batchInference<K extends Tags, R extends Readonly<Record<string, EventSource<Tags>>>>(
  name: string,
  { model, mostErrors, rows, ...options }: BatchInferenceOptions<K, R>,
): BatchView<K, { readonly score: 'float?'; readonly model_version: 'int?' }> {
  const { request } = model.service;
  for (const [column, spec] of Object.entries(options.entity.key)) {
    const asked = Object.hasOwn(request, column) ? typeText({ ...request[column], nullable: false }) : null;
    const type = typeText(spec);
    if (asked !== null && asked !== type) throw fail('INFERENCE_KEY', { view: name, column, type, asked });
  }
  if (mostErrors !== undefined && !(mostErrors >= 0 && mostErrors <= 1))
    throw fail('INFERENCE_SHARE', { view: name, share: String(mostErrors) });
  const view = batchView(name, { ...options, features: SCORED, sql: rows });
  return freeze({ ...view, scores: { model, ...(mostErrors === undefined ? {} : { mostErrors }) } });
}
