import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { turnsInOrder } from '../../base/in-turn.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { FedNumbers } from '../../model/model-rows.ts';
import type { Rollout, RolloutStore } from '../../ports/rollout-store.ts';
import type { Value } from '../../schema/column.ts';
import type { ScoreCaller } from '../../versions/cache/registered-versions.ts';
import type { HeldVersion, Scored } from '../online/held-version.ts';
import type { Scores } from '../online/model-server.ts';
import { withinDeadline } from '../online/within-deadline.ts';
import { callerGroup } from './caller-groups.ts';
import { type Evidence, NO_EVIDENCE } from './evidence.ts';
import { EvidenceCounter, type Outcome } from './evidence-counter.ts';
import { type Cohort, cohortOf, isCompared, isShadowing, versionOf } from './lane.ts';
import { LaneTurns } from './lane-turns.ts';
import { LaneUses } from './lane-uses.ts';
import type { ScoredCopy, ShadowCopy, TensorCopy } from './shadow-copy.ts';
import { ShadowQueue } from './shadow-queue.ts';

type Vector = readonly Value[];

/** The part of a model server that lanes need. */
export interface LaneServer {
  score(vectors: readonly Vector[], caller?: ScoreCaller): Promise<Scores>;
  hold(version: number): Promise<HeldVersion>;
  refresh(): Promise<unknown>;
}

export interface RolloutLanesOptions {
  readonly model: ModelData;
  readonly store: RolloutStore;
  readonly server: LaneServer;
  readonly monotonic: () => number;
  /** Takes the candidate's score of a copied prediction. */
  readonly shadowed: (copy: ScoredCopy, version: number, score: number, rollout: string) => void;
  readonly onFault: (error: unknown) => void;
}

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

/** The lane of one call that another part answers. */
export interface CallLane {
  readonly cohort: Cohort;
  readonly rollout: string;
  readonly version: number;
  /** Versions that must be loaded for the call to count: one cohort without the other is no comparison. */
  readonly needed: readonly number[];
  /** Name of the version's output. */
  readonly output: string;
  readonly count: (outcome: Outcome, latencyMs: number, scores: readonly number[]) => void;
  /** Offers the answered call to the shadow, with the way to run it by the candidate; null: there is no shadow. Never waits. */
  readonly shadow: ((copy: TensorCopy) => void) | null;
}

/** A rollout with both of its versions loaded. */
interface Loaded {
  readonly rollout: Rollout;
  readonly champion: HeldVersion;
  readonly candidate: HeldVersion;
  readonly counter: EvidenceCounter;
  /** Calls that have their lane: both versions stay loaded for them, whatever becomes of the rollout. */
  readonly uses: LaneUses;
}

/** Rows of one cohort and the keys of their callers. */
interface CohortCalls {
  readonly keys: readonly (string | null)[];
  readonly vectors: readonly Vector[];
  readonly caller: ScoreCaller;
}

/**
 * The lanes of one model in one process: follows the stored rollout, keeps both of its versions loaded, sends each request
 * to the version of its cohort and counts what becomes of it. Without a rollout the champion answers, at no cost.
 */
export class RolloutLanes {
  readonly #options: RolloutLanesOptions;
  readonly #shadow: ShadowQueue<ShadowCopy | TensorCopy>;
  readonly #turns: LaneTurns;
  #loaded: Loaded | null = null;
  /** Rollouts that were left, until their last calls have their scores. */
  readonly #leaving = new Set<Promise<unknown>>();
  #busy = 0;
  readonly #inTurn = turnsInOrder();
  /** Why the candidate of the newest rollout cannot be loaded; null: it can. */
  #unloadable: { readonly rollout: string; readonly error: unknown } | null = null;

  constructor(options: RolloutLanesOptions) {
    this.#options = options;
    this.#turns = new LaneTurns(options.monotonic);
    this.#shadow = new ShadowQueue({
      run: (copies) => this.#runCopies(copies),
      isBusy: () => this.#busy > 0,
      monotonic: options.monotonic,
    });
  }

  /** The rollout that this process follows; null: none. */
  get rollout(): Rollout | null {
    return this.#loaded?.rollout ?? null;
  }

  /** Why the candidate of a rollout cannot be loaded here, if it never can be; null otherwise. */
  unloadable(rollout: string): Error | null {
    const found = this.#unloadable;
    return found?.rollout === rollout && isHeadraceError(found.error) && found.error.retry === 'never'
      ? found.error
      : null;
  }

  /** Why the versions of the rollout under way are not loaded here; null: they are. The champion answers meanwhile. */
  get loadTrouble(): string | null {
    const found = this.#unloadable;
    if (found === null || this.#loaded !== null) return null;
    return reasonOf(found.error);
  }

  /** The evidence of this process for the rollout that it follows. */
  evidence(): Evidence {
    return this.#loaded?.counter.evidence() ?? NO_EVIDENCE;
  }

  /**
   * Reads the stored rollout and goes over to it: the versions that it needs are loaded first. A rollout that is over is
   * left once the champion serves. Errors: those of the store; one of loading is reported and tried again.
   */
  follow(): Promise<void> {
    return this.#inTurn(() => this.#follow());
  }

  /** Scores rows, each by the version of its caller's cohort. Errors: as `ModelServer.score`. */
  async score(
    keys: readonly (string | null)[],
    vectors: readonly Vector[],
    caller: ScoreCaller = {},
  ): Promise<readonly LaneScore[]> {
    this.#busy += 1;
    try {
      const loaded = this.#loaded;
      if (loaded !== null) return await loaded.uses.during(() => this.#scoreCohorts(loaded, { keys, vectors, caller }));
      const { version, scores, features, fed } = await this.#options.server.score(vectors, caller);
      return vectors.map((_, i) => ({
        cohort: 'champion',
        rollout: null,
        version,
        score: scores[i],
        features,
        fed: () => fed(i),
      }));
    } finally {
      this.#busy -= 1;
    }
  }

  /** The lane of a caller whose call another part answers, and how to count it; null: no rollout is under way. */
  laneOf(key: string | null): CallLane | null {
    const loaded = this.#loaded;
    if (loaded === null) return null;
    const { rollout, counter } = loaded;
    const cohort = cohortOf(rollout, key);
    const version = versionOf(rollout, cohort);
    const { output } = (version === rollout.candidate ? loaded.candidate : loaded.champion).version.signature;
    const isCounted = cohort !== 'champion' && isCompared(rollout);
    const hasShadow = isShadowing(rollout);
    const needed = isCounted || hasShadow ? [rollout.champion, rollout.candidate] : [version];
    const count: CallLane['count'] = (outcome, latencyMs, scores) => {
      if (!isCounted) return;
      counter.call(cohort, outcome, { latencyMs });
      counter.key(cohort, key ?? '');
      for (const score of scores) counter.score(cohort, score, callerGroup(key ?? ''));
    };
    const shadow: CallLane['shadow'] = (copy) => counter.copies(1, this.#shadow.offer([copy]));
    return { cohort, rollout: rollout.id, version, needed, output, count, shadow: hasShadow ? shadow : null };
  }

  /** Offers answered predictions to the shadow, if there is one. Never waits. */
  copy(copies: () => readonly ShadowCopy[]): void {
    if (this.#loaded === null || !isShadowing(this.#loaded.rollout)) return;
    const offered = copies();
    this.#loaded.counter.copies(offered.length, this.#shadow.offer(offered));
  }

  /** Ends when no copy waits. */
  settled(): Promise<void> {
    return this.#shadow.settled();
  }

  /** Lets the versions go. */
  async close(): Promise<void> {
    await this.#inTurn(async () => undefined);
    await this.#shadow.clear();
    this.#leave();
    await Promise.all(this.#leaving);
  }

  async #follow(): Promise<void> {
    const { model, store, server } = this.#options;
    const newest = await store.newest(model.name);
    const loaded = this.#loaded;
    if (newest === null) return;
    if (newest.endedAt !== null) this.#unloadable = null;
    if (loaded?.rollout.id === newest.id && loaded.rollout.revision === newest.revision) return;
    if (newest.endedAt !== null) {
      if (loaded === null) return;
      // Its end is answered at once; the champion takes over when it serves.
      this.#loaded = { ...loaded, rollout: newest };
      await server.refresh();
      await this.#shadow.clear();
      this.#leave();
      return;
    }
    if (loaded?.rollout.id === newest.id) {
      loaded.counter.slowMs = newest.slowMs;
      this.#loaded = { ...loaded, rollout: newest };
      return;
    }
    this.#leave();
    this.#loaded = await this.#load(newest);
  }

  async #load(rollout: Rollout): Promise<Loaded | null> {
    const { server, model, monotonic, onFault } = this.#options;
    let champion: HeldVersion | null = null;
    try {
      champion = await server.hold(rollout.champion);
      const candidate = await server.hold(rollout.candidate);
      const counter = new EvidenceCounter({ task: model.task, range: rollout.plan.guardrails.range, monotonic });
      counter.slowMs = rollout.slowMs;
      this.#unloadable = null;
      return { rollout, champion, candidate, counter, uses: new LaneUses() };
    } catch (error) {
      await champion?.release();
      if (this.#unloadable?.rollout !== rollout.id) onFault(error);
      this.#unloadable = { rollout: rollout.id, error };
      return null;
    }
  }

  /** Lets both versions go after the last call that has its lane. Nobody waits for these calls but `close`. */
  #leave(): void {
    const before = this.#loaded;
    this.#loaded = null;
    if (before === null) return;
    const left = before.uses
      .ended()
      .then(() => before.champion.release())
      .then(() => before.candidate.release())
      .catch(this.#options.onFault)
      .finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
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
      return scored(await held.score(calls.vectors, calls.caller), held, rollout, cohort);
    const { monotonic, model } = this.#options;
    const { deadline = Number.POSITIVE_INFINITY, signal } = calls.caller;
    return this.#turns.take(cohort, async (beganAt) => {
      // The other lane had the turn for too long: no fault of this one.
      if (deadline <= performance.now()) throw fail('MODEL_DEADLINE', { model: model.name });
      if (signal?.aborted === true) throw fail('MODEL_LEFT', { model: model.name });
      const count = (outcome: Outcome) => {
        counter.call(cohort, outcome, { rows: calls.vectors.length, latencyMs: monotonic() - beganAt, turn: beganAt });
        for (const key of calls.keys) counter.key(cohort, key ?? '');
      };
      try {
        const result = await withinDeadline(held.score(calls.vectors, calls.caller), {
          model: model.name,
          deadline,
          signal,
        });
        count('scored');
        calls.keys.forEach((key, i) => {
          counter.score(cohort, result.scores[i], callerGroup(key ?? ''));
        });
        return scored(result, held, rollout, cohort);
      } catch (error) {
        count(outcomeOf(error));
        throw error;
      }
    });
  }

  async #runCopies(copies: readonly (ShadowCopy | TensorCopy)[]): Promise<void> {
    const vectors = copies.filter((copy): copy is ShadowCopy => !('run' in copy));
    if (vectors.length > 0) await this.#runShadow(vectors);
    for (const copy of copies) if ('run' in copy) await this.#runTensors(copy);
  }

  async #runTensors({ scores, group, prediction, run }: TensorCopy): Promise<void> {
    const loaded = this.#loaded;
    if (loaded === null || !isShadowing(loaded.rollout)) return;
    const { candidate, counter, rollout } = loaded;
    const from = this.#options.monotonic();
    const count = (outcome: Outcome) =>
      counter.call('shadow', outcome, { latencyMs: this.#options.monotonic() - from });
    try {
      const found = await run(candidate.version.version, candidate.version.signature.output);
      count(found.every(Number.isFinite) ? 'scored' : 'nonFinite');
      for (const [i, score] of found.entries()) {
        if (!Number.isFinite(score) || scores[i] === undefined) continue;
        counter.score('shadow', score, group);
        counter.score('shadowed', scores[i], group);
        counter.pair(scores[i], score);
      }
      if (prediction !== null && found.length === 1 && Number.isFinite(found[0]))
        this.#options.shadowed({ ...prediction, group, at: null }, candidate.version.version, found[0], rollout.id);
    } catch (error) {
      // A full queue is no fault of the candidate.
      if (!isHeadraceError(error, 'OIP_UNAVAILABLE')) count(outcomeOf(error));
    }
  }

  async #runShadow(copies: readonly ShadowCopy[]): Promise<void> {
    const loaded = this.#loaded;
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

function scored(
  { scores, fed }: Scored,
  { version }: HeldVersion,
  rollout: Rollout,
  cohort: Cohort,
): readonly LaneScore[] {
  const { features } = version.signature;
  return Array.from(scores, (score, i) => ({
    cohort,
    rollout: rollout.id,
    version: version.version,
    score,
    features,
    fed: () => fed(i),
  }));
}

/** The outcome that an error of scoring counts as. */
function outcomeOf(error: unknown): Outcome {
  if (!isHeadraceError(error)) return 'error';
  if (error.code === 'MODEL_SCORE') return 'nonFinite';
  // Callers leave a slow version and fill its queue, as they do for reasons of their own: the other lane has as many of those.
  return ['MODEL_DEADLINE', 'MODEL_LEFT', 'MODEL_BUSY'].includes(error.code) ? 'timeout' : 'error';
}
