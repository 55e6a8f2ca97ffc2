import { isHeadraceError } from '../../base/errors/fail.ts';
import { turnsInOrder } from '../../base/in-turn.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { RolledModel } from '../../features/define/rollout.ts';
import type { Rollout, RolloutStore } from '../../ports/rollout-store.ts';
import { callerGroup } from './caller-groups.ts';
import { type Evidence, NO_EVIDENCE } from './evidence.ts';
import { EvidenceCounter, type Outcome } from './evidence-counter.ts';
import { type Cohort, cohortOf, isCompared, isShadowing, versionOf } from './lane.ts';
import { LaneUses } from './lane-uses.ts';
import type { ScoredCopy, ShadowCopy, TensorCopy } from './shadow-copy.ts';
import { ShadowQueue } from './shadow-queue.ts';

/** A loaded version that stays loaded until it is released. */
export interface LaneHold {
  readonly version: { readonly version: number; readonly signature: { readonly output: string } };
  release(): Promise<void>;
}

/** The part of a server that holds the versions of a rollout. */
export interface LaneServer<H extends LaneHold> {
  hold(version: number): Promise<H>;
  /** Goes over to the champion of now. */
  refresh(): Promise<unknown>;
}

export interface CallLanesOptions<H extends LaneHold = LaneHold> {
  readonly model: Pick<RolledModel, 'name' | 'task'>;
  readonly store: RolloutStore;
  readonly server: LaneServer<H>;
  readonly monotonic: () => number;
  /** Takes the candidate's score of a copied prediction. */
  readonly shadowed: (copy: ScoredCopy, version: number, score: number, rollout: string) => void;
  readonly onFault: (error: unknown) => void;
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
  /** Does the work of the call: both versions stay loaded for it, whatever becomes of the rollout. Errors: those of the work. */
  readonly during: <T>(work: () => Promise<T>) => Promise<T>;
  /** Offers the answered call to the shadow, with the way to run it by the candidate; null: there is no shadow. Never waits. */
  readonly shadow: ((copy: TensorCopy) => void) | null;
}

/** A rollout with both of its versions loaded. */
export interface LoadedRollout<H extends LaneHold> {
  readonly rollout: Rollout;
  readonly champion: H;
  readonly candidate: H;
  readonly counter: EvidenceCounter;
  /** Calls that have their lane: both versions stay loaded for them, whatever becomes of the rollout. */
  readonly uses: LaneUses;
}

/**
 * The lanes of one model in one process: follows the stored rollout, keeps both of its versions loaded, gives each call the version of its
 * caller's cohort and counts its outcome. Another part answers the call.
 */
export class CallLanes<H extends LaneHold = LaneHold> {
  protected loaded: LoadedRollout<H> | null = null;
  readonly #options: CallLanesOptions<H>;
  readonly #shadow: ShadowQueue<ShadowCopy | TensorCopy>;
  /** Rollouts that were left, until their last calls have their answers. */
  readonly #leaving = new Set<Promise<unknown>>();
  readonly #inTurn = turnsInOrder();
  /** Why the candidate of the newest rollout cannot be loaded; null: it can. */
  #unloadable: { readonly rollout: string; readonly error: unknown } | null = null;

  constructor(options: CallLanesOptions<H>) {
    this.#options = options;
    this.#shadow = new ShadowQueue({
      run: (copies) => this.runCopies(copies),
      // Callers go first.
      isBusy: () => this.loaded?.uses.isBusy === true,
      monotonic: options.monotonic,
    });
  }

  /** The rollout that this process follows; null: none. */
  get rollout(): Rollout | null {
    return this.loaded?.rollout ?? null;
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
    if (found === null || this.loaded !== null) return null;
    return reasonOf(found.error);
  }

  /** The evidence of this process for the rollout that it follows. */
  evidence(): Evidence {
    return this.loaded?.counter.evidence() ?? NO_EVIDENCE;
  }

  /**
   * Reads the stored rollout and goes over to it: the versions that it needs are loaded first. A rollout that is over is
   * left once the champion serves. Errors: those of the store; one of loading is reported and tried again.
   */
  follow(): Promise<void> {
    return this.#inTurn(() => this.#follow());
  }

  /** The lane of a caller whose call another part answers, and how to count it; null: no rollout is under way. */
  laneOf(key: string | null): CallLane | null {
    const { loaded } = this;
    if (loaded === null) return null;
    const { rollout, counter, uses } = loaded;
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
    const shadow: CallLane['shadow'] = (copy) => this.offer(loaded, [copy]);
    return {
      cohort,
      rollout: rollout.id,
      version,
      needed,
      output,
      count,
      during: (work) => uses.during(work),
      shadow: hasShadow ? shadow : null,
    };
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
    const { loaded } = this;
    if (newest === null) return;
    if (newest.endedAt !== null) this.#unloadable = null;
    if (loaded?.rollout.id === newest.id && loaded.rollout.revision === newest.revision) return;
    if (newest.endedAt !== null) {
      if (loaded === null) return;
      // Its end is answered at once; the champion takes over when it serves.
      this.loaded = { ...loaded, rollout: newest };
      await server.refresh();
      await this.#shadow.clear();
      this.#leave();
      return;
    }
    if (loaded?.rollout.id === newest.id) {
      loaded.counter.slowMs = newest.slowMs;
      this.loaded = { ...loaded, rollout: newest };
      return;
    }
    this.#leave();
    this.loaded = await this.#load(newest);
  }

  async #load(rollout: Rollout): Promise<LoadedRollout<H> | null> {
    const { server, model, monotonic, onFault } = this.#options;
    let champion: H | null = null;
    try {
      champion = await server.hold(rollout.champion);
      const candidate = await server.hold(rollout.candidate);
      const counter = new EvidenceCounter({
        task: model.task ?? 'regression',
        range: rollout.plan.guardrails.range,
        monotonic,
      });
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
    const before = this.loaded;
    this.loaded = null;
    if (before === null) return;
    const left = before.uses
      .ended()
      .then(() => before.champion.release())
      .then(() => before.candidate.release())
      .catch(this.#options.onFault)
      .finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }

  /** Hands copies to the shadow, and counts them and those that it has no room for. Never waits. */
  protected offer({ counter }: LoadedRollout<H>, copies: readonly (ShadowCopy | TensorCopy)[]): void {
    counter.copies(copies.length, this.#shadow.offer(copies));
  }

  /** Runs copies by the candidate. Never throws. */
  protected async runCopies(copies: readonly (ShadowCopy | TensorCopy)[]): Promise<void> {
    for (const copy of copies) if ('run' in copy) await this.#runTensors(copy);
  }

  async #runTensors({ scores, group, prediction, run }: TensorCopy): Promise<void> {
    const { loaded } = this;
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
}

/** The outcome that an error of scoring counts as. */
export function outcomeOf(error: unknown): Outcome {
  if (!isHeadraceError(error)) return 'error';
  if (error.code === 'MODEL_SCORE') return 'nonFinite';
  // Callers leave a slow version and fill its queue, as they do for reasons of their own: the other lane has as many of those.
  return ['MODEL_DEADLINE', 'MODEL_LEFT', 'MODEL_BUSY'].includes(error.code) ? 'timeout' : 'error';
}
