import type { ModelVersion, VersionRecord } from '../../ports/model-registry.ts';
import { loadScorer, type Scorer } from '../../registry/scorer.ts';
import { prepareForeign } from '../source/open-foreign.ts';
import { type ForeignScorerTools, loadForeignScorer } from './foreign-scorer.ts';
import { openPatiently } from './patient-scorer.ts';

/** Loads a version to score rows at rest, whoever registered it. Waits for the environment of a Python program. Errors: MODEL_*, PYTHON_*, ARTIFACT_*. */
export async function loadForScores(
  record: VersionRecord,
  tools: ForeignScorerTools,
): Promise<{ readonly version: ModelVersion; readonly scorer: Scorer }> {
  const { runtime, artifacts } = tools;
  await runtime.ready();
  const { trained } = record;
  if (trained !== null)
    return {
      version: trained,
      scorer: await loadScorer(runtime, await artifacts.get(trained.artifact), trained.signature),
    };
  await prepareForeign(record, tools);
  return openPatiently(() => loadForeignScorer(record, tools));
}
