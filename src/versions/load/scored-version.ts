import { createHash } from 'node:crypto';
import { canonicalJson } from '../../base/canonical-json.ts';
import { fail } from '../../base/errors/fail.ts';
import type { RowInputs } from '../../model/row-inputs.ts';
import type { ModelRegistry, ModelVersion, VersionRecord } from '../../ports/model-registry.ts';
import type { ModelRuntime } from '../../ports/model-runtime.ts';
import { checkParity } from '../../registry/parity.ts';
import { loadScorer, type Scorer } from '../../registry/scorer.ts';
import { loadableRecord } from '../../registry/version-seal.ts';
import { type ForeignTools, mustBeServable, prepareForeign } from '../source/open-foreign.ts';
import { type ForeignScorer, loadForeignScorer } from './foreign-scorer.ts';
import type { ModelOutput } from './model-output.ts';
import { openPatiently, patientScorer } from './patient-scorer.ts';
import { scoringTags } from './version-scoring.ts';

/** Where versions of any origin are loaded. */
export interface VersionTools extends ForeignTools {
  readonly runtime: ModelRuntime;
}

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
  const found = await openPatiently(() => loadForeignScorer(record, { ...tools, columns }));
  await found.scorer.close();
  return { version: found.version, foreign: foreignScoring(record, found) };
}

function foreignScoring(record: VersionRecord, { inputs, output, onnx }: ForeignScorer): ForeignScoring {
  return { record, inputs, output, onnx };
}

/**
 * Loads a resolved version: one of a training job is checked against its parity vectors; one that another program logged must be what it
 * was when it was resolved. Errors: ARTIFACT_*, MODEL_*, PYTHON_*.
 */
export async function loadScored({ version, foreign }: ScoredVersion, tools: VersionTools): Promise<Scorer> {
  if (foreign === null) return loadTrained(version, tools);
  const { record, inputs, output, onnx } = foreign;
  const found = await openPatiently(() =>
    loadForeignScorer(record, { ...tools, job: 'batch', columns: inputs.features }),
  );
  if (found.onnx === onnx && found.output === output) return patientScorer(found.scorer);
  await found.scorer.close();
  throw fail('MODEL_FILE', {
    reason: `version ${version.version} of ${version.model} is another one than at the start`,
  });
}

/** Loads a version of a training job, checked against its parity vectors, which warms it. Errors: ARTIFACT_*, MODEL_*. */
export async function loadTrained(version: ModelVersion, { artifacts, runtime }: VersionTools): Promise<Scorer> {
  const scorer = await loadScorer(runtime, await artifacts.get(version.artifact), version.signature);
  try {
    await checkParity(version, scorer, await artifacts.get(version.parity));
    return scorer;
  } catch (error) {
    await scorer.close();
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
