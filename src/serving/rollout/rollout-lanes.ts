import { fail } from '../../base/errors/fail.ts';
import type { FedNumbers } from '../../model/model-rows.ts';
import type { Value } from '../../schema/column.ts';
import type { ScoreCaller } from '../../versions/cache/registered-versions.ts';
import type { HeldVersion, Scores } from '../online/held-version.ts';
import { type Waited, withinDeadline } from '../online/within-deadline.ts';
import { CallLanes, type CallLanesOptions, type LaneServer, type LoadedRollout, outcomeOf } from './call-lanes.ts';
import { callerGroup } from './caller-groups.ts';
import type { Outcome } from './evidence-counter.ts';
import { type Cohort, cohortOf, isCompared, isShadowing, versionOf } from './lane.ts';
import { LaneTurns } from './lane-turns.ts';
import type { ShadowCopy, TensorCopy } from './shadow-copy.ts';

type Vector = readonly Value[];

/** The part of a model server that lanes need. */
export interface ScoringServer extends LaneServer<HeldVersion> {
  score(vectors: readonly Vector[], caller?: ScoreCaller): Promise<Scores>;
}

export interface RolloutLanesOptions extends CallLanesOptions<HeldVersion> {
  readonly server: ScoringServer;
}

type Loaded = LoadedRollout<HeldVersion>;

/** One scored row, and who scored it. */
export interface LaneScore {
  readonly cohort: Cohort;
  /** The rollout under way; null: none. */
  readonly rollout: string | null;
  readonly version: number;
  readonly score: number;
  /** Names of the version's inputs, and their values. */
  readonly features: readonly string[];
  readonly fed: () => FedNumbers;
}

/** Rows of one cohort and the keys of their callers. */
interface CohortCalls {
  readonly keys: readonly (string | null)[];
  readonly vectors: readonly Vector[];
  readonly caller: ScoreCaller;
}

/**
 * The lanes of a declared model: scores its rows too, each by the version of its caller's cohort. Without a rollout the champion answers,
 * at no cost.
 */
export class RolloutLanes extends CallLanes<HeldVersion> {
  readonly #options: RolloutLanesOptions;
  readonly #turns: LaneTurns;

  constructor(options: RolloutLanesOptions) {
    super(options);
    this.#options = options;
    this.#turns = new LaneTurns(options.monotonic);
  }

  /** Scores rows, each by the version of its caller's cohort. Errors: as `ModelServer.score`. */
  async score(
    keys: readonly (string | null)[],
    vectors: readonly Vector[],
    caller: ScoreCaller = {},
  ): Promise<readonly LaneScore[]> {
    const { loaded } = this;
    if (loaded === null) return laneScores(await this.#options.server.score(vectors, caller), null, 'champion');
    // A call may wait for the turn of its lane before it is in a queue that watches its caller.
    const scoring = loaded.uses.during(() => this.#scoreCohorts(loaded, { keys, vectors, caller }));
    return withinDeadline(scoring, waitedOf(this.#options.model.name, caller));
  }

  /** Offers answered predictions to the shadow, if there is one. Never waits. */
  copy(copies: () => readonly ShadowCopy[]): void {
    const { loaded } = this;
    if (loaded !== null && isShadowing(loaded.rollout)) this.offer(loaded, copies());
  }

  async #scoreCohorts(loaded: Loaded, { keys, vectors, caller }: CohortCalls): Promise<readonly LaneScore[]> {
    const cohorts = keys.map((key) => cohortOf(loaded.rollout, key));
    const found = new Array<LaneScore>(vectors.length);
    const rowsOf = Map.groupBy(cohorts.keys(), (row) => cohorts[row]);
    await Promise.all(
      [...rowsOf].map(async ([cohort, rows]) => {
        const calls = {
          keys: rows.map((row) => keys[row]),
          vectors: rows.map((row) => vectors[row]),
          caller,
        };
        const scores = await this.#scoreCohort(loaded, cohort, calls);
        rows.forEach((row, i) => {
          found[row] = scores[i];
        });
      }),
    );
    return found;
  }

  async #scoreCohort(loaded: Loaded, cohort: Cohort, calls: CohortCalls): Promise<readonly LaneScore[]> {
    const { rollout, champion, candidate, counter } = loaded;
    const held = versionOf(rollout, cohort) === rollout.candidate ? candidate : champion;
    if (cohort === 'champion' || !isCompared(rollout))
      return laneScores(await held.score(calls.vectors, calls.caller), rollout.id, cohort);
    const { monotonic, model } = this.#options;
    const waited = waitedOf(model.name, calls.caller);
    return this.#turns.take(cohort, async (beganAt) => {
      // The other lane had the turn for too long: no fault of this one.
      if (waited.deadline <= performance.now()) throw fail('MODEL_DEADLINE', { model: model.name });
      if (waited.signal?.aborted === true) throw fail('MODEL_LEFT', { model: model.name });
      const count = (outcome: Outcome) => {
        counter.call(cohort, outcome, { rows: calls.vectors.length, latencyMs: monotonic() - beganAt, turn: beganAt });
        for (const key of calls.keys) counter.key(cohort, key ?? '');
      };
      try {
        const result = await withinDeadline(held.score(calls.vectors, calls.caller), waited);
        count('scored');
        calls.keys.forEach((key, i) => {
          counter.score(cohort, result.scores[i], callerGroup(key ?? ''));
        });
        return laneScores(result, rollout.id, cohort);
      } catch (error) {
        count(outcomeOf(error));
        throw error;
      }
    });
  }

  protected override async runCopies(copies: readonly (ShadowCopy | TensorCopy)[]): Promise<void> {
    const vectors = copies.filter((copy): copy is ShadowCopy => !('run' in copy));
    if (vectors.length > 0) await this.#runShadow(vectors);
    await super.runCopies(copies);
  }

  async #runShadow(copies: readonly ShadowCopy[]): Promise<void> {
    const { loaded } = this;
    if (loaded === null || !isShadowing(loaded.rollout)) return;
    const { candidate, counter, rollout } = loaded;
    const from = this.#options.monotonic();
    try {
      const { scores } = await loaded.uses.during(() => candidate.score(copies.map(({ vector }) => vector)));
      counter.call('shadow', 'scored', { rows: copies.length, latencyMs: this.#options.monotonic() - from });
      copies.forEach((copy, i) => {
        counter.score('shadow', scores[i], copy.group);
        counter.score('shadowed', copy.score, copy.group);
        counter.pair(copy.score, scores[i]);
        this.#options.shadowed(copy, candidate.version.version, scores[i], rollout.id);
      });
    } catch (error) {
      const outcome = outcomeOf(error);
      // A run fails as a whole: one by one, so that only those count that fail alone.
      if (copies.length === 1) counter.call('shadow', outcome, { latencyMs: this.#options.monotonic() - from });
      else for (const copy of copies) await this.#runShadow([copy]);
    }
  }
}

/** The caller of a model, as one that waits. */
function waitedOf(model: string, { deadline = Number.POSITIVE_INFINITY, signal }: ScoreCaller): Waited {
  return { model, deadline, signal };
}

/** The scores of a call by its rows; `rollout`: the one under way, null for none. Hot path. */
function laneScores(
  { version, scores, features, fed }: Scores,
  rollout: string | null,
  cohort: Cohort,
): readonly LaneScore[] {
  const rows = new Array<LaneScore>(scores.length);
  for (let i = 0; i < scores.length; i += 1)
    rows[i] = { cohort, rollout, version, score: scores[i], features, fed: () => fed(i) };
  return rows;
}
