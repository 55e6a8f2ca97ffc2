import { isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { Evidence, Place } from '../rollout/evidence.ts';
import { EvidenceCounter } from '../rollout/evidence-counter.ts';
import { publishedParts } from './batch-folder.ts';
import { batchJobId } from './batch-spec.ts';
import { versionOf, whileHeld } from './job-version.ts';
import { countPairs, type LocalParts } from './paired-parts.ts';
import { RemoteSide } from './remote-side.ts';
import { type FinishedJob, localFolderOf, type ResolvedJob, runJob } from './run-job.ts';
import type { ShadowPlan } from './shadow-plan.ts';
import type { BatchContext, BatchOptions } from './start-batch.ts';

/** The comparison of a job's rows by another version. */
export interface ShadowSummary {
  /** The challenger. */
  readonly version: number;
  /** The rollout that has the comparison; null: none. */
  readonly rollout: string | null;
  /** Where the challenger's scores are; no manifest of the job lists them. */
  readonly path: string;
  /** Rows that the champion scored and that were offered to the challenger, and those that it did not come to. */
  readonly rows: number;
  readonly dropped: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly nonFinite: number;
  readonly outOfRange: number;
  /** Mean |difference| of the two scores of a row; null: no row has both. */
  readonly meanDifference: number | null;
  /** Share of the rows on the other side of one half; null: no row has both scores. */
  readonly flips: number | null;
  /** Time of both runs, ms; null: the result was there already. */
  readonly computeMs: { readonly champion: number | null; readonly candidate: number | null };
  /** Why it ended early; null: it did not. It never fails the job. */
  readonly trouble: string | null;
}

export interface ShadowJobOptions {
  readonly model: ModelData;
  readonly plan: ShadowPlan;
  /** The job as it ran. */
  readonly job: ResolvedJob;
  readonly done: FinishedJob;
  readonly options: BatchOptions;
  readonly context: BatchContext;
}

/** The shadow of a job may take this long at least, and this multiple of the job's own time, ms. */
const LEAST_WITHIN_MS = 60_000;
const MULTIPLE = 2;

/** Next to the folder or the prefix of a result. */
function shadowPathOf(to: string, version: number): string {
  let end = to.length;
  while (end > 1 && to[end - 1] === '/') end -= 1;
  return `${to.slice(0, end)}.shadow-${version}`;
}

/**
 * Scores the rows of a finished job by a challenger too, next to the result, and gives the comparison to the rollout. It never throws: a
 * challenger that fails, or takes too long, is dropped with its reason, and what it scored until then counts.
 */
export async function shadowJob(asked: ShadowJobOptions): Promise<ShadowSummary> {
  const { model, plan, done, options, context } = asked;
  const { rollout, version, range } = plan;
  const path = shadowPathOf(options.to, version);
  const begun = context.monotonic();
  const counter = new EvidenceCounter({ task: model.task, range, monotonic: context.monotonic });
  let trouble: string | null = null;
  const note = (error: unknown) => {
    trouble ??= reasonOf(error);
  };
  const challenger = await challengerParts(asked, path, note);
  const computeMs = { champion: done.ms, candidate: context.monotonic() - begun };
  try {
    if (done.local === null) throw new Error('the result is in an object store already');
    await countPairs(done.local, challenger.local, context.files, counter);
  } catch (error) {
    note(error);
  }
  // A challenger that gave nothing is one that failed, not one that was never asked.
  if (trouble !== null && challenger.isAtFault)
    counter.call('shadow', challenger.isLate ? 'timeout' : 'error', { latencyMs: null });
  challenger.drop();
  const place: Place = { kind: 'job', name: done.summary.job, output: path, computeMs, trouble };
  const evidence = { ...counter.evidence(), place };
  if (rollout !== null)
    try {
      await context.rollouts?.store.observe(rollout, `job/${done.summary.job}`, evidence);
      await context.rollouts?.judge(model);
    } catch (error) {
      note(error);
    }
  return summaryOf(evidence, { version, rollout, path, computeMs, trouble });
}

interface Challenger {
  readonly local: LocalParts;
  /** Whether the version failed, or took too long, and not the one who stopped the job. */
  readonly isAtFault: boolean;
  readonly isLate: boolean;
  readonly drop: () => void;
}

const NO_PARTS: LocalParts = { jobPath: '', parts: [] };

/** Runs the challenger over the same table, as its own job, as long as it may. */
async function challengerParts(
  { model, plan, job, done, options, context }: ShadowJobOptions,
  path: string,
  note: (error: unknown) => void,
): Promise<Challenger> {
  const within = options.shadowWithinMs ?? Math.max(LEAST_WITHIN_MS, MULTIPLE * (done.ms ?? 0));
  const late = AbortSignal.timeout(Math.ceil(within));
  const signal = options.signal === undefined ? late : AbortSignal.any([late, options.signal]);
  const own: BatchOptions = { ...options, to: path, version: plan.version, replace: true, signal };
  let remote: RemoteSide | null = null;
  let resolved: ResolvedJob | null = null;
  try {
    const scored = await versionOf(model, own, context);
    // The input is there already; the output may be in an object store.
    remote = await RemoteSide.open({ ...context, from: [job.opened.table.path], to: path });
    const features = options.inputs ?? scored.version.signature.features;
    const spec = specOf(job, scored);
    const input = { ...job.opened, table: { ...job.opened.table, features } };
    const ready: ResolvedJob = { ...job, id: batchJobId(spec), spec, scored, opened: input, output: remote.output };
    resolved = ready;
    const quiet = { ...own, onProgress: undefined };
    const { local, drop } = await whileHeld(ready, context.registry, () => runJob(ready, quiet, context));
    if (local === null) throw new Error('its scores are in an object store already');
    const opened = remote;
    const end = () => {
      drop();
      opened.close(true);
    };
    return { local, isAtFault: false, isLate: false, drop: end };
  } catch (error) {
    const isLate = late.aborted && options.signal?.aborted !== true;
    note(isLate ? new Error(`version ${plan.version} took longer than ${Math.ceil(within)} ms`) : error);
    remote?.close(false);
    const local = resolved === null ? NO_PARTS : publishedParts(localFolderOf(resolved, path, context), resolved.id);
    return { local, isAtFault: isLate || isFaultOfVersion(error), isLate, drop: () => undefined };
  }
}

/** Whether the challenger is at fault, and not the input, the disk or who stopped the job. */
function isFaultOfVersion(error: unknown): boolean {
  return isHeadraceError(error) && (/^(MODEL|PYTHON)_/.test(error.code) || error.code === 'PREDICT_WORKER');
}

/** The spec of the same rows, in the same partitions, by another version that may reject every row. */
function specOf({ spec }: ResolvedJob, { version, foreign }: ResolvedJob['scored']): ResolvedJob['spec'] {
  return {
    ...spec,
    model: {
      name: spec.model.name,
      version: version.version,
      digest: version.artifact,
      service: version.lineage.service,
      features: [...version.signature.features],
      ...(foreign === null ? {} : { foreign: { output: foreign.output, onnx: foreign.onnx } }),
    },
    options: { ...spec.options, mostErrors: 1 },
  };
}

function summaryOf(
  { shadow, copies }: Evidence,
  facts: Pick<ShadowSummary, 'version' | 'rollout' | 'path' | 'computeMs' | 'trouble'>,
): ShadowSummary {
  const { offered, dropped, delta, flips } = copies;
  const { errors, timeouts, nonFinite, outOfRange } = shadow;
  return {
    ...facts,
    rows: offered,
    dropped,
    errors,
    timeouts,
    nonFinite,
    outOfRange,
    meanDifference: delta.n === 0 ? null : delta.mean,
    flips: delta.n === 0 ? null : flips / delta.n,
  };
}
