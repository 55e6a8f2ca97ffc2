import { createHash } from 'node:crypto';
import { fail } from '../../base/errors/fail.ts';
import type { VersionRecord } from '../../ports/model-registry.ts';
import type { ModelRuntime } from '../../ports/model-runtime.ts';
import type { Scorer } from '../../registry/scorer.ts';
import { type ForeignTools, openForeign } from '../source/open-foreign.ts';
import { rowScores, scoringOf, type VersionScoring } from './version-scoring.ts';

/** A version that another program logged, as a project scores with it. */
export interface ForeignScorer extends VersionScoring {
  readonly scorer: Scorer;
  /** The ONNX file that runs, by its digest; null: a Python program runs. */
  readonly onnx: string | null;
}

/** Where foreign versions run, and the columns that a job names in the place of the version's own. */
export interface ForeignScorerTools extends ForeignTools {
  readonly runtime: ModelRuntime;
  readonly columns?: readonly string[] | null;
}

/** Loads a version that another program logged as a scorer of features, for a job. Errors: PYTHON_*, MODEL_FILE, ARTIFACT_*. */
export async function loadForeignScorer(record: VersionRecord, tools: ForeignScorerTools): Promise<ForeignScorer> {
  const opened = await openForeign(record, tools);
  const loaded = opened.kind === 'onnx' ? await tools.runtime.load(opened.file) : await ownModel(opened);
  try {
    const scoring = await scoringOf(record, loaded.signature, tools);
    const run = rowScores<undefined>(scoring, (inputs, outputs) => loaded.run(inputs, outputs), false);
    const scorer: Scorer = {
      inputs: scoring.inputs,
      run: (rows) => run(rows, undefined),
      close: () => loaded.close(),
    };
    const onnx = opened.kind === 'onnx' ? createHash('sha256').update(opened.file).digest('hex') : null;
    return { ...scoring, scorer, onnx };
  } catch (error) {
    await loaded.close();
    throw error;
  }
}

async function ownModel(opened: Exclude<Awaited<ReturnType<typeof openForeign>>, { readonly kind: 'onnx' }>) {
  if (opened.kind === 'process') return opened.loaded;
  throw fail('MODEL_FILE', { reason: `a version of the registry is no ${opened.platform}` });
}
