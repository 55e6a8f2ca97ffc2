import type { Clock } from '../../base/time.ts';
import type { ControlLog } from './control-log.ts';
import { mayScoreTo } from './member-step.ts';
import { isFenced, type OwnedPartition, type OwnedPartitions } from './owned-partitions.ts';
import { type JudgedInput, readJudged } from './read-judged.ts';
import { noRecords, type RecordCounts } from './record-counts.ts';
import { type ScoredOutputs, type ScoreOutputsOptions, scoreOutputs } from './score-outputs.ts';
import { type RecordUse, useOf } from './score-records.ts';
import { encodeLaneState, laneRecord, type StreamOutput } from './stream-record.ts';
import type { StreamRollout } from './stream-rollout.ts';
import { type Interval, intervalAt, type StreamVersion } from './version-map.ts';

export interface LiveScorerOptions extends ScoreOutputsOptions, JudgedInput {
  readonly control: ControlLog;
  readonly owned: OwnedPartitions;
  readonly rollout: StreamRollout;
  readonly recordUse: RecordUse;
  /** Records of one commit. */
  readonly batch: number;
  readonly clock: Clock;
  /** By partition, the offsets below which this process has the features of the events; null: all that are in the log. */
  readonly appliedTo: () => readonly number[] | null;
}

/** Batches of a turn. */
const MOST_BATCHES = 16;

/** Scores every record of the owned partitions once, and commits each batch of outputs with its next offset. */
export class LiveScorer {
  readonly #options: LiveScorerOptions;
  readonly #counts = noRecords();

  constructor(options: LiveScorerOptions) {
    this.#options = options;
  }

  /** Records by outcome since the start. */
  get counts(): RecordCounts {
    return this.#counts;
  }

  /** Scores what has come, each partition for itself. Throws the first failure, after all partitions had their turn. */
  async score(): Promise<void> {
    const { owned, appliedTo } = this.#options;
    const applied = appliedTo();
    let failure: { readonly error: unknown } | null = null;
    for (const one of owned.list)
      try {
        await this.#scorePartition(one, Math.min(one.end, applied?.[one.partition] ?? one.end));
      } catch (error) {
        if (!isFenced(error)) failure ??= { error };
      }
    if (failure !== null) throw failure.error;
  }

  /** Loads the versions of the offsets from `next` on. */
  async load(intervals: readonly Interval[], next: number): Promise<void> {
    for (const version of neededFrom(intervals, next)) await this.#options.versions.load(version);
  }

  async #scorePartition(owned: OwnedPartition, end: number): Promise<void> {
    const { batch, versions, control } = this.#options;
    for (let turn = 0; turn < MOST_BATCHES; turn += 1) {
      const { state } = control;
      if (state === null || owned.next >= end) return;
      const { partition, epoch, next: from } = owned;
      const intervals = state.intervals[partition];
      await this.load(intervals, from);
      const to = mayScoreTo(state, owned, Math.min(end, from + batch), (version) => versions.has(version));
      if (to <= from) return;
      const range = await readJudged(this.#options, partition, from, to - from);
      if (range.records.length === 0) return;
      const { records } = range;
      const asked = { ...range, intervals, forced: null, epoch, lane: 'live' };
      const { outputs, used, outcomes } = await scoreOutputs(asked, this.#options);
      await this.#commit(owned, outputs, intervals);
      for (const outcome of outcomes) this.#counts[outcome] += 1;
      this.#recordUses(partition, from, used);
      this.#options.rollout.count({ records, outputs, intervals });
    }
  }

  #recordUses(partition: number, from: number, used: ScoredOutputs['used']): void {
    const { stream, recordUse } = this.#options;
    for (const [i, one] of used.entries()) if (one !== null) recordUse(useOf(stream, partition, from + i), one);
  }

  async #commit(
    owned: OwnedPartition,
    outputs: readonly Omit<StreamOutput, 'scoredAt'>[],
    intervals: readonly Interval[],
  ): Promise<void> {
    const scoredAt = this.#options.clock();
    const next = owned.next + outputs.length;
    const records = outputs.map((output) => laneRecord({ ...output, scoredAt }));
    try {
      await owned.live.commit({ records, next, state: encodeLaneState({ epoch: owned.epoch, intervals }) });
    } catch (error) {
      // Whether it counted is in doubt: whoever fences the partition next finds out.
      if (owned.live.isShared) await this.#options.owned.drop(owned.partition);
      throw error;
    }
    owned.next = next;
  }
}

/** The versions of the offsets from `next` on. */
export function neededFrom(intervals: readonly Interval[], next: number): readonly StreamVersion[] {
  return intervals
    .slice(intervals.indexOf(intervalAt(intervals, next)))
    .flatMap(({ version, digest, canary }) => [{ version, digest }, ...(canary === null ? [] : [canary])]);
}
