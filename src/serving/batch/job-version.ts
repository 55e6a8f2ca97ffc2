import { fail } from '../../base/errors/fail.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import { CHAMPION } from '../../registry/champion.ts';
import { resolveOutputs } from '../../versions/load/output-scorer.ts';
import { resolveVersion, type ScoredVersion } from '../../versions/load/scored-version.ts';
import type { ResolvedJob } from './run-job.ts';
import type { BatchContext, BatchModel, BatchOptions } from './start-batch.ts';

/** Any time; the longest that a timer takes would do. */
const ALIVE_MS = 60_000;

/** Holds the version of a job while it runs, so that nobody deletes it. A job that was killed holds it until it ends one day. */
export async function whileHeld<T>(
  { id, spec }: ResolvedJob,
  registry: ModelRegistry,
  run: () => Promise<T>,
): Promise<T> {
  const holder = `batch/${id}`;
  await registry.hold({ holder, model: spec.model.name, version: spec.model.version });
  try {
    return await run();
  } finally {
    // The job has ended whatever becomes of the hold: the next end of the same job releases it.
    await registry.release(holder).catch(() => undefined);
  }
}

/** Errors: MODEL_NONE, REGISTRY_VERSION, PREDICT_INPUTS, PYTHON_*. */
export async function versionOf(
  { kind, name: model }: Pick<BatchModel, 'kind' | 'name'>,
  { version: asked, inputs, outputs }: BatchOptions,
  { registry, openVersions }: BatchContext,
): Promise<ScoredVersion> {
  const version = asked ?? (await registry.alias(model, CHAMPION));
  if (version === null) throw fail('MODEL_NONE', { model });
  const scored = await kept(async () => {
    const tools = await openVersions();
    try {
      if (kind === 'model' && outputs === undefined)
        return await resolveVersion({ model, version }, inputs ?? null, { ...tools, registry });
      const asked = { model, version, columns: inputs ?? null, outputs: outputs ?? null };
      return await resolveOutputs(asked, { ...tools, registry });
    } finally {
      await tools.close();
    }
  });
  const { features } = scored.version.signature;
  if (inputs !== undefined && inputs.length !== features.length)
    throw fail('PREDICT_INPUTS', { model, version, named: inputs.length, features });
  return scored;
}

/** Processes of models keep no program alive, and the command line has nothing else to wait for. */
async function kept<T>(work: () => Promise<T>): Promise<T> {
  const alive = setInterval(() => undefined, ALIVE_MS);
  try {
    return await work();
  } finally {
    clearInterval(alive);
  }
}
