import { randomUUID } from 'node:crypto';
import { reasonOf } from '../../base/reason-of.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { LogRecord } from '../../ports/event-log.ts';
import type { Rollout, RolloutStore } from '../../ports/rollout-store.ts';
import { callerGroup } from '../rollout/caller-groups.ts';
import type { Place } from '../rollout/evidence.ts';
import { EvidenceCounter } from '../rollout/evidence-counter.ts';
import { cohortOfShare } from '../rollout/lane.ts';
import { rowOutcome } from '../rollout/row-outcome.ts';
import { type CallerOptions, callerOf } from './caller-of.ts';
import type { StreamOutput } from './stream-record.ts';
import { type Interval, intervalAt } from './version-map.ts';

export interface StreamRolloutOptions extends CallerOptions {
  readonly stream: string;
  readonly model: ModelData;
  /** null: streams take no part in rollouts. */
  readonly rollouts: Pick<RolloutStore, 'newest' | 'observe'> | null;
  readonly onFault: (error: unknown) => void;
}

/** Records that were committed, with their outputs. */
export interface CommittedRecords {
  readonly records: readonly LogRecord[];
  readonly outputs: readonly Pick<StreamOutput, 'offset' | 'score' | 'error'>[];
  readonly intervals: readonly Interval[];
}

/** The rollout of a stream's model as one process sees it: the stored one, and the outcomes of the records that this process committed. */
export class StreamRollout {
  readonly #options: StreamRolloutOptions;
  /** Each life of a process has its own evidence, so that none replaces that of an earlier one. */
  readonly #life = randomUUID();
  #rollout: Rollout | null = null;
  #counter: EvidenceCounter | null = null;
  #stored = '';
  #trouble: string | null = null;

  constructor(options: StreamRolloutOptions) {
    this.#options = options;
  }

  /** The newest rollout, over or not; null: none. Errors: ROLLOUT_*. */
  async read(): Promise<Rollout | null> {
    const { rollouts, model } = this.#options;
    const newest = (await rollouts?.newest(model.name)) ?? null;
    if (newest?.id !== this.#rollout?.id) {
      const monotonic = () => performance.now();
      this.#counter =
        newest === null
          ? null
          : new EvidenceCounter({ task: model.task, range: newest.plan.guardrails.range, monotonic });
      this.#stored = '';
    }
    this.#rollout = newest;
    return newest;
  }

  /** Counts records that were scored under a plan of the rollout, by the cohorts of their callers. */
  count({ records, outputs, intervals }: CommittedRecords): void {
    const [rollout, counter] = [this.#rollout, this.#counter];
    if (rollout === null || counter === null || rollout.endedAt !== null) return;
    for (const [i, { offset, score, error }] of outputs.entries()) {
      const { canary } = intervalAt(intervals, offset);
      if (canary === null || canary.salt !== rollout.salt || canary.caller === undefined) continue;
      const caller = callerOf(records[i], canary.caller, this.#options);
      const cohort = cohortOfShare(canary.salt, caller, canary.buckets);
      const outcome = error === null ? 'scored' : rowOutcome(error.slice(0, error.indexOf(':')));
      if (cohort === 'champion' || caller === null || outcome === null) continue;
      counter.key(cohort, caller);
      // Records of one run have no time of their own.
      counter.call(cohort, outcome, { latencyMs: null });
      if (score !== null) counter.score(cohort, score, callerGroup(caller));
    }
  }

  /** Stores the counts where they are new. A failure is reported once and tried again by the next call. */
  async observe(): Promise<void> {
    const [rollout, counter] = [this.#rollout, this.#counter];
    const { rollouts, stream, onFault } = this.#options;
    if (rollout === null || counter === null || rollouts === null) return;
    const place: Place = { kind: 'stream', name: stream, output: null, computeMs: null, trouble: null };
    const evidence = { ...counter.evidence(), place };
    if (evidence.canary.requests + evidence.baseline.requests === 0) return;
    const text = JSON.stringify(evidence);
    if (text === this.#stored) return;
    try {
      await rollouts.observe(rollout.id, `stream/${stream}/${this.#life}`, evidence);
      this.#stored = text;
      this.#trouble = null;
    } catch (error) {
      if (this.#trouble !== reasonOf(error)) onFault(error);
      this.#trouble = reasonOf(error);
    }
  }
}
