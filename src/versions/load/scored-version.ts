import { createHash } from 'node:crypto';
import { canonicalJson } from '../../base/canonical-json.ts';
import type { RowInputs } from '../../model/row-inputs.ts';
import type { ModelRegistry, ModelVersion, VersionRecord } from '../../ports/model-registry.ts';
import { type Scorer, scorerOf } from '../../registry/scorer.ts';
import { loadableRecord } from '../../registry/version-seal.ts';
import { type ForeignTools, mustBeServable, prepareForeign } from '../source/open-foreign.ts';
import { changedSince, digestOf, loadForJob, loadResolved, type VersionTools } from './load-for-job.ts';
import type { ModelOutput } from './model-output.ts';
import { patientScorer } from './patient-scorer.ts';
import { rowScores, scoringOf, scoringTags } from './version-scoring.ts';

/** How a version scores that another program logged. */
export interface ForeignScoring {
  /** The version as it was when it was resolved: tags may change. */
  readonly record: VersionRecord;
  readonly inputs: RowInputs;
  /** Empty where a job writes outputs by name. */
  readonly output: string;
  /** The ONNX file that runs, by its digest; null: a Python program runs. */
  readonly onnx: string | null;
}

/** A version of any origin as jobs score with it: plain data, which other processes load the same from. */
export interface ScoredVersion {
  readonly version: ModelVersion;
  /** null: a training job made it. */
  readonly foreign: ForeignScoring | null;
  /** The outputs that the job writes by name; left out: it writes one score a row. */
  readonly outputs?: readonly ModelOutput[];
}

/**
 * Resolves a version of any origin. One that another program logged is loaded once, to see its inputs; the environment of a Python
 * program is made first, however long it takes. `columns` are its features; null: those that it names.
 * Errors: REGISTRY_VERSION, REGISTRY_SEAL, PYTHON_*, MODEL_FILE, ARTIFACT_*.
 */
export async function resolveVersion(
  { model, version }: { readonly model: string; readonly version: number },
  columns: readonly string[] | null,
  { registry, ...tools }: VersionTools & { readonly registry: ModelRegistry },
): Promise<ScoredVersion> {
  const record = await loadableRecord(registry, model, version);
  if (record.trained !== null) return { version: record.trained, foreign: null };
  await prepareForeign(record, tools);
  const { loaded, file } = await loadForJob(record, tools);
  try {
    const { version: scored, inputs, output } = await scoringOf(record, loaded.signature, { ...tools, columns });
    return { version: scored, foreign: { record, inputs, output, onnx: digestOf(file) } };
  } finally {
    await loaded.close();
  }
}

/**
 * Loads a resolved version: one of a training job is checked against its parity vectors; one that another program logged must be what it
 * was when it was resolved. Errors: ARTIFACT_*, MODEL_*, PYTHON_*.
 */
export async function loadScored(scored: ScoredVersion, tools: VersionTools): Promise<Scorer> {
  const loaded = await loadResolved(scored, tools);
  const { version, foreign } = scored;
  if (foreign === null) return scorerOf(loaded, version.signature);
  try {
    const { record, inputs, output } = foreign;
    const scoring = await scoringOf(record, loaded.signature, { ...tools, columns: inputs.features });
    if (scoring.output !== output) throw changedSince(scored);
    const run = rowScores<undefined>(scoring, async (...asked) => ({ outputs: await loaded.run(...asked) }), false);
    return patientScorer({ inputs: scoring.inputs, run: (rows) => run(rows, undefined), close: () => loaded.close() });
  } catch (error) {
    await loaded.close();
    throw error;
  }
}

/**
 * The digest that says how a version scores: of its file; of all files where another program logged it, with the tags that say how it is
 * fed, which may change. Errors: PYTHON_FLAVOR, PYTHON_OFF, ARTIFACT_*.
 */
export async function scoringDigest(record: VersionRecord, tools: ForeignTools): Promise<string> {
  if (record.trained !== null) return record.trained.artifact;
  await mustBeServable(record, tools);
  const tags = scoringTags(record);
  if (Object.keys(tags).length === 0) return record.digest ?? '';
  return createHash('sha256')
    .update(canonicalJson({ digest: record.digest, tags }))
    .digest('hex');
}
