import { reasonOf } from '../../base/reason-of.ts';
import type { Clock } from '../../base/time.ts';
import type { ControlState } from './control-state.ts';
import { isFenced, type OwnedPartition, type OwnedPartitions } from './owned-partitions.ts';
import { type JudgedInput, readJudged } from './read-judged.ts';
import { type ScoreOutputsOptions, scoreOutputs } from './score-outputs.ts';
import { encodeLaneState, laneRecord } from './stream-record.ts';
import type { StreamVersion } from './version-map.ts';

export interface ShadowScorerOptions extends ScoreOutputsOptions, JudgedInput {
  readonly owned: OwnedPartitions;
  readonly batch: number;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** Batches of a turn. */
const MOST_BATCHES = 16;

/** Scores what the live lane has scored once more, by another version, into its own lane. The live lane never waits for it. */
export class ShadowScorer {
  readonly #options: ShadowScorerOptions;
  #trouble: string | null = null;

  constructor(options: ShadowScorerOptions) {
    this.#options = options;
  }

  /** Why the shadow does not go forward; null: it does. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Goes as far as the live lane. A failure is reported once, and shown until it is over. */
  async score(state: ControlState | null, begins: readonly number[]): Promise<void> {
    const shadow = state?.shadow ?? null;
    let failure: unknown = null;
    if (state !== null && shadow !== null)
      for (const owned of this.#options.owned.list)
        try {
          await this.#scorePartition(owned, shadow, state, begins[owned.partition] ?? 0);
        } catch (error) {
          await this.#options.owned.dropShadow(owned);
          if (!isFenced(error)) failure ??= error;
        }
    this.#note(failure);
  }

  async #scorePartition(
    owned: OwnedPartition,
    shadow: StreamVersion,
    { intervals }: ControlState,
    begin: number,
  ): Promise<void> {
    const { batch, clock } = this.#options;
    const held = await this.#options.owned.shadowOf(owned);
    if (held === null) return;
    const { partition, epoch } = owned;
    for (let turn = 0; turn < MOST_BATCHES; turn += 1) {
      // A new shadow begins near the live lane. One that was away skips what the log no longer has.
      const from = Math.max(begin, held.next ?? owned.next - batch);
      if (from >= owned.next) return;
      const range = await readJudged(this.#options, partition, from, Math.min(batch, owned.next - from));
      if (range.records.length === 0) return;
      const asked = { ...range, intervals: intervals[partition], forced: shadow, epoch };
      const { outputs } = await scoreOutputs({ ...asked, lane: `shadow:${shadow.version}` }, this.#options);
      const scoredAt = clock();
      const next = from + range.records.length;
      const state = encodeLaneState({ epoch, intervals: intervals[partition] });
      await held.fenced.commit({ records: outputs.map((output) => laneRecord({ ...output, scoredAt })), next, state });
      held.next = next;
    }
  }

  #note(failure: unknown): void {
    if (failure === null) {
      this.#trouble = null;
      return;
    }
    const trouble = reasonOf(failure);
    if (trouble !== this.#trouble) this.#options.onFault(failure);
    this.#trouble = trouble;
  }
}
