import { createHash } from 'node:crypto';
import { fail } from '../../base/errors/fail.ts';
import type { LoadedModel, ModelRuntime } from '../../ports/model-runtime.ts';
import type { ForeignTools } from '../source/open-foreign.ts';
import { openRegistered, type Registered, verifyRegistered } from '../source/registered-model.ts';
import { openPatiently } from './patient-scorer.ts';
import type { ScoredVersion } from './scored-version.ts';

/** Where versions of any origin are loaded. */
export interface VersionTools extends ForeignTools {
  readonly runtime: ModelRuntime;
}

/** A version that a job has loaded in its own process. */
export interface JobVersion {
  readonly loaded: LoadedModel;
  /** The ONNX file that runs; null: a Python program runs. */
  readonly file: Uint8Array | null;
}

/**
 * Loads a version for a job, whoever registered it. One of a training job is compared with the scores of its trainer, which warms it.
 * A process that someone ended while it loaded is started again. Errors: ARTIFACT_*, MODEL_*, PYTHON_*.
 */
export function loadForJob(version: Registered, { runtime, ...tools }: VersionTools): Promise<JobVersion> {
  return openPatiently(async () => {
    const opened = await openRegistered(version, tools);
    if (opened.kind === 'own')
      throw fail('MODEL_FILE', { reason: `a version of the registry is no ${opened.platform}` });
    const file = opened.kind === 'onnx' ? opened.file : null;
    const loaded = opened.kind === 'onnx' ? await runtime.load(opened.file) : opened.loaded;
    try {
      await verifyRegistered(version, loaded, tools.artifacts);
      return { loaded, file };
    } catch (error) {
      await loaded.close();
      throw error;
    }
  });
}

/** Loads a resolved version, whose file must be the one that it was when it was resolved. Errors: as `loadForJob`. */
export async function loadResolved({ version, foreign }: ScoredVersion, tools: VersionTools): Promise<LoadedModel> {
  if (foreign === null) return (await loadForJob({ trained: version }, tools)).loaded;
  const { loaded, file } = await loadForJob(foreign.record, { ...tools, job: 'batch' });
  if (digestOf(file) === foreign.onnx) return loaded;
  await loaded.close();
  throw changedSince({ version });
}

/** The digest of the ONNX file that runs; null: a Python program runs. */
export function digestOf(file: Uint8Array | null): string | null {
  return file === null ? null : createHash('sha256').update(file).digest('hex');
}

/** The error of a version that is another one than when it was resolved. */
export function changedSince({ version: { model, version } }: Pick<ScoredVersion, 'version'>): Error {
  return fail('MODEL_FILE', { reason: `version ${version} of ${model} is another one than at the start` });
}
