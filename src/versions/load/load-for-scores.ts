import type { ModelVersion, VersionRecord } from '../../ports/model-registry.ts';
import type { Scorer } from '../../registry/scorer.ts';
import { prepareForeign } from '../source/open-foreign.ts';
import { type ForeignScorerTools, loadForeignScorer } from './foreign-scorer.ts';
import { openPatiently } from './patient-scorer.ts';
import { loadTrained } from './scored-version.ts';

/** Loads a version to score rows at rest, whoever registered it. Waits for the environment of a Python program. Errors: MODEL_*, PYTHON_*, ARTIFACT_*. */
export async function loadForScores(
  record: VersionRecord,
  tools: ForeignScorerTools,
): Promise<{ readonly version: ModelVersion; readonly scorer: Scorer }> {
  await tools.runtime.ready();
  const { trained } = record;
  if (trained !== null) return { version: trained, scorer: await loadTrained(trained, tools) };
  await prepareForeign(record, tools);
  return openPatiently(() => loadForeignScorer(record, tools));
}
