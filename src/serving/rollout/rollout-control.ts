import { randomUUID } from 'node:crypto';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { Clock } from '../../base/time.ts';
import type { ExplainedMove, RolledModel } from '../../features/define/rollout.ts';
import type { Rollout, RolloutEvent, RolloutStore } from '../../ports/rollout-store.ts';
import { EventDeliveries } from './event-deliveries.ts';
import { type Evidence, mergeEvidence, parseEvidence } from './evidence.ts';
import { judge, type Verdict } from './judge.ts';
import { isCompared, percentOf } from './lane.ts';
import type { RolledVersions } from './rolled-versions.ts';
import type { RolloutHooks } from './rollout-hooks.ts';
import { eventOf, type Move, moved } from './rollout-machine.ts';
import { type RecentCalls, type RolloutNeeds, rolloutNeeds } from './rollout-needs.ts';
import { explainedBy, needsGate, planOf } from './start-plan.ts';
import type { Outcomes } from './success.ts';

export interface RolloutControlOptions {
  readonly model: RolledModel;
  readonly store: RolloutStore;
  readonly versions: RolledVersions;
  readonly hooks: RolloutHooks;
  /** Loads a version as if it were to serve. */
  readonly check: (version: number) => Promise<void>;
  /** Why this process can never load the candidate of a rollout; null: it can. */
  readonly unloadable: (rollout: string) => Error | null;
  /** Losses of both cohorts, from the labels that came; left out: no label is known of the model. */
  readonly outcomes?: (rollout: Rollout) => Promise<Outcomes>;
  /** The calls of the model lately; left out: not known. */
  readonly recent?: (rollout: Rollout) => Promise<RecentCalls>;
  /** Compares a version with the champion before a start that has no gate; left out: nothing measures it. */
  readonly gate?: (version: number, champion: number) => Promise<StartGate>;
  /** Called after each change that this process made. */
  readonly changed: () => Promise<void>;
  /** Ends when this process has scored every copy that waits. */
  readonly settled: () => Promise<void>;
  readonly clock: Clock;
  readonly monotonic: () => number;
  readonly newId: () => string;
}

/** The person or part that decides, and why. */
export interface Decision {
  readonly by: string;
  readonly reason: string;
}

/** The comparison of a version with the champion on labelled rows, before it scores any request. */
export interface StartGate {
  readonly isPassed: boolean;
  readonly reason: string;
  /** Left out: nothing was measured. */
  readonly explained?: ExplainedMove;
}

/** A rollout, what it sees now and how it came here. */
export interface RolloutStatus {
  readonly rollout: Rollout;
  /** Percentage of the callers that the candidate answers. */
  readonly percent: number;
  /** The decision that the judge would make now. */
  readonly verdict: Verdict;
  readonly evidence: Evidence;
  /** The evidence of each place where it runs. */
  readonly places: readonly Evidence[];
  readonly events: readonly RolloutEvent[];
}

/** How a rollout starts, besides its version. */
export interface RolloutStart extends Decision {
  /** The move of the scores that a gate explains; left out: the gate of the start measures it. */
  readonly explained?: ExplainedMove;
  /** As a declaration writes it, for a model that no project declares. */
  readonly plan?: RolledModel['rollout'];
}

/** The id of a new rollout. */
export function newRolloutId(): string {
  return `r-${randomUUID().slice(0, 13)}`;
}

/** Labels are joined again at most this often, and a hook that refused is asked again after as long, ms. */
const AGAIN_MS = 10_000;

/**
 * Decides over the rollouts of one model: starts them, judges them by the evidence of all servers, promotes and rolls back.
 * Any process may do so at any time: each change is a compare-and-swap on the stored rollout. Free of HTTP and of scoring,
 * so that online serving, batch jobs and streams share it.
 */
export class RolloutControl {
  readonly #options: RolloutControlOptions;
  readonly #deliveries: EventDeliveries;
  #outcomes: { readonly rollout: string; readonly at: number; readonly of: Outcomes } | null = null;
  #isTidy = false;
  #refusedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RolloutControlOptions) {
    this.#options = options;
    this.#deliveries = new EventDeliveries(options, AGAIN_MS);
  }

  /**
   * Starts the rollout of a version as the model declares it, or by the plan of a model that no project declares, under `id` where one is
   * given. Errors: ROLLOUT_ACTIVE, ROLLOUT_CANDIDATE, MODEL_ROLLOUT, REGISTRY_VERSION, those of loading the version.
   */
  async start(version: number, start: RolloutStart, id: string = this.#options.newId()): Promise<Rollout> {
    const { model, store, versions, check, clock, changed } = this.#options;
    const { by, reason } = start;
    const declared = planOf(model, start.plan);
    const active = await this.active();
    if (active !== null)
      throw fail('ROLLOUT_ACTIVE', { model: model.name, rollout: active.id, version: active.candidate });
    const champion = await versions.champion();
    if (!(await versions.has(version))) throw fail('REGISTRY_VERSION', { model: model.name, version });
    const unfit = champion === null ? 'the model has no champion' : champion === version ? 'it is the champion' : null;
    if (unfit !== null || champion === null)
      throw fail('ROLLOUT_CANDIDATE', { model: model.name, version, reason: unfit ?? '' });
    await check(version);
    const gate = needsGate(declared, start.explained)
      ? ((await this.#options.gate?.(version, champion)) ?? null)
      : null;
    const plan = explainedBy(declared, start.explained ?? gate?.explained);
    const at = clock();
    const { p99 } = plan.guardrails;
    const rollout: Rollout = {
      id,
      model: model.name,
      revision: 1,
      champion,
      candidate: version,
      plan,
      gate: gate && { isPassed: gate.isPassed, reason: gate.reason },
      salt: id,
      state: plan.shadowMs > 0 ? 'shadow' : 'canary',
      held: null,
      step: 0,
      since: at,
      slowMs: typeof p99 === 'number' ? p99 : null,
      startedAt: at,
      endedAt: null,
      reason,
    };
    await versions.hold(id, [champion, version]);
    try {
      await store.start(rollout, eventOf(rollout, { kind: 'started', at, by, reason }));
    } catch (error) {
      await versions.release(id);
      throw error;
    }
    await changed();
    return rollout;
  }

  /** The rollout under way; null: none. */
  async active(): Promise<Rollout | null> {
    const newest = await this.#options.store.newest(this.#options.model.name);
    return newest === null || newest.endedAt !== null ? null : newest;
  }

  /** The newest rollout, over or not, with its numbers; null without any. */
  async status(): Promise<RolloutStatus | null> {
    const { store, clock, model } = this.#options;
    const rollout = await store.newest(model.name);
    if (rollout === null) return null;
    const places = await this.#places(rollout);
    const evidence = mergeEvidence(places);
    const outcomes = await this.#outcomesOf(rollout);
    const verdict = judge(rollout, evidence, outcomes, clock());
    return { rollout, percent: percentOf(rollout), verdict, evidence, places, events: await store.events(rollout.id) };
  }

  /** The calls, labels and time that the newest rollout needs, from the recent calls of the model; null: nothing is known of them. */
  async needs(): Promise<RolloutNeeds | null> {
    const { store, model, recent } = this.#options;
    const rollout = await store.newest(model.name);
    return rollout === null || recent === undefined ? null : rolloutNeeds(rollout.plan, await recent(rollout));
  }

  /** Holds the rollout where it is until it is released, promoted or rolled back. Errors: ROLLOUT_NONE, ROLLOUT_STATE. */
  async hold(decision: Decision): Promise<Rollout> {
    return this.#change(await this.#mustBeActive(), { kind: 'held', ...decision, at: this.#options.clock() });
  }

  /** Resumes a held rollout. Errors: ROLLOUT_NONE, ROLLOUT_STATE. */
  async release(decision: Decision): Promise<Rollout> {
    return this.#change(await this.#mustBeActive(), { kind: 'released', ...decision, at: this.#options.clock() });
  }

  /** Makes the candidate champion now. Errors: ROLLOUT_NONE, ROLLOUT_STATE, REGISTRY_MOVED. */
  async promote(decision: Decision): Promise<Rollout> {
    const rollout = await this.#mustBeActive();
    return this.#promote(rollout, { ...decision, numbers: (await this.#verdictOf(rollout)).numbers });
  }

  /** Ends the rollout with the champion that it began with. Errors: ROLLOUT_NONE, ROLLOUT_STATE, REGISTRY_MOVED. */
  async rollBack(decision: Decision): Promise<Rollout> {
    const rollout = await this.#mustBeActive();
    return this.#rollBack(rollout, { ...decision, numbers: (await this.#verdictOf(rollout)).numbers });
  }

  /**
   * Judges the rollout and does what follows, until nothing does; then delivers events. A change that another process made
   * meanwhile stands. Labels are joined and hooks asked again every ten seconds, or at once with `outcomes: 'again'`. Errors: those of the stores.
   */
  async look({ outcomes = 'known' }: { readonly outcomes?: 'known' | 'again' } = {}): Promise<void> {
    if (!this.#isTidy) await this.#releaseEnded();
    if (outcomes === 'again') {
      this.#outcomes = null;
      this.#refusedAt = Number.NEGATIVE_INFINITY;
    }
    try {
      while (await this.#step());
    } catch (error) {
      if (!isHeadraceError(error, 'ROLLOUT_MOVED') && !isHeadraceError(error, 'REGISTRY_MOVED')) throw error;
      await this.#options.changed();
    }
    await this.#deliveries.deliver();
  }

  /** Ends when this process has scored every copy of a request that waits for the shadow. */
  settled(): Promise<void> {
    return this.#options.settled();
  }

  /** Lets the files of rollouts go that ended in a process that died before it did so. Once in each process. */
  async #releaseEnded(): Promise<void> {
    const { versions, store, model } = this.#options;
    const ended = (await store.list(model.name)).filter(({ endedAt }) => endedAt !== null);
    for (const id of await versions.held(ended.map(({ id: one }) => one))) await versions.release(id);
    this.#isTidy = true;
  }

  /** One decision; whether another may follow. */
  async #step(): Promise<boolean> {
    const rollout = await this.active();
    if (rollout === null || (await this.#followAlias(rollout))) return false;
    const unloadable = this.#options.unloadable(rollout.id);
    if (unloadable !== null && rollout.state !== 'soaking') {
      await this.#rollBack(rollout, { by: 'judge', reason: `the version cannot be loaded: ${unloadable.message}` });
      return false;
    }
    return this.#act(rollout, await this.#verdictOf(rollout));
  }

  async #act(rollout: Rollout, { action, reason, numbers, slowMs }: Verdict): Promise<boolean> {
    const at = this.#options.clock();
    const decided = { by: 'judge', reason, numbers, at };
    const isHeldByOperator = rollout.held?.by === 'operator';
    switch (action) {
      case 'rollBack':
        await this.#rollBack(rollout, decided);
        return false;
      case 'tune':
        await this.#change(rollout, { kind: 'tuned', ...decided, slowMs });
        return true;
      case 'complete':
        await this.#change(rollout, { kind: 'completed', ...decided });
        return false;
      case 'hold':
        if (rollout.state !== 'held') await this.#change(rollout, { kind: 'held', ...decided });
        return false;
      case 'wait':
        if (rollout.held?.by === 'judge') await this.#change(rollout, { kind: 'released', ...decided });
        return false;
      case 'advance':
      case 'promote':
        return isHeldByOperator ? false : this.#goOn(rollout, action, { ...decided, slowMs });
      default:
        return action satisfies never;
    }
  }

  /** Raises or promotes, once it is confirmed. */
  async #goOn(
    rollout: Rollout,
    action: 'advance' | 'promote',
    decided: Decision & Pick<Move, 'numbers' | 'at'> & { readonly slowMs: number | null },
  ): Promise<boolean> {
    const { hooks, monotonic } = this.#options;
    if (monotonic() - this.#refusedAt < AGAIN_MS) return false;
    const { reason, numbers, at, by } = decided;
    const answer = await hooks.confirm(rollout, { action, reason, numbers });
    if (!answer.isConfirmed) return this.#refuse(rollout, { ...decided, reason: `not confirmed: ${answer.reason}` });
    if (action === 'promote') {
      try {
        await this.#promote(rollout, decided);
      } catch (error) {
        if (!isHeadraceError(error, 'REGISTRY_GATE')) throw error;
        await this.#refuse(rollout, { ...decided, reason: error.message });
      }
      return false;
    }
    const released = { kind: 'released', at, by, reason, numbers } as const;
    const free = rollout.state === 'held' ? await this.#change(rollout, released) : rollout;
    await this.#change(free, { ...decided, kind: free.state === 'shadow' ? 'canaried' : 'raised' });
    return true;
  }

  /** Holds a rollout that may not go further yet; it is asked again later. */
  async #refuse(rollout: Rollout, { at, by, reason, numbers }: Omit<Move, 'kind'>): Promise<boolean> {
    this.#refusedAt = this.#options.monotonic();
    if (rollout.state !== 'held') await this.#change(rollout, { kind: 'held', at, by, reason, numbers });
    return false;
  }

  /** Ends a rollout whose champion was moved by hand, or whose own move was not noted before a crash; whether it did. */
  async #followAlias(rollout: Rollout): Promise<boolean> {
    const { versions, clock } = this.#options;
    const champion = await versions.champion();
    const { state, candidate } = rollout;
    const isPromoted = state === 'soaking';
    if (champion === (isPromoted ? candidate : rollout.champion)) return false;
    const by = 'registry';
    const reason = `version ${champion} is the champion`;
    const isDone = isPromoted && champion !== rollout.champion;
    const kind = champion === candidate ? 'promoted' : isDone ? 'completed' : 'rolledBack';
    const { numbers } = await this.#verdictOf(rollout);
    await this.#change(rollout, { kind, by, reason, numbers, at: clock() });
    return true;
  }

  async #promote(
    rollout: Rollout,
    { by, reason, numbers }: Decision & { readonly numbers?: unknown },
  ): Promise<Rollout> {
    const { versions, clock } = this.#options;
    const at = clock();
    const { next, event } = moved(rollout, { kind: 'promoted', at, by, reason, numbers });
    const { champion, candidate } = rollout;
    await versions.move({ expected: champion, to: candidate, at, who: by, why: reason });
    return this.#store(next, event);
  }

  async #rollBack(
    rollout: Rollout,
    { by, reason, numbers }: Decision & { readonly numbers?: unknown },
  ): Promise<Rollout> {
    const { versions, clock } = this.#options;
    const at = clock();
    const { next, event } = moved(rollout, { kind: 'rolledBack', at, by, reason, numbers });
    const { champion, candidate } = rollout;
    if (rollout.state === 'soaking')
      await versions.move({ expected: candidate, to: champion, at, who: by, why: reason });
    return this.#store(next, event);
  }

  #change(rollout: Rollout, move: Move): Promise<Rollout> {
    const { next, event } = moved(rollout, move);
    return this.#store(next, event);
  }

  async #store(next: Rollout, event: RolloutEvent): Promise<Rollout> {
    await this.#options.store.change(next, event);
    if (next.endedAt !== null) await this.#options.versions.release(next.id);
    await this.#options.changed();
    return next;
  }

  async #mustBeActive(): Promise<Rollout> {
    const active = await this.active();
    if (active === null) throw fail('ROLLOUT_NONE', { model: this.#options.model.name });
    return active;
  }

  async #verdictOf(rollout: Rollout): Promise<Verdict> {
    return judge(rollout, await this.#evidence(rollout), await this.#outcomesOf(rollout), this.#options.clock());
  }

  async #evidence(rollout: Rollout): Promise<Evidence> {
    return mergeEvidence(await this.#places(rollout));
  }

  async #places({ id }: Rollout): Promise<readonly Evidence[]> {
    const all = await this.#options.store.evidence(id);
    return all.map(parseEvidence).filter((one) => one !== null);
  }

  async #outcomesOf(rollout: Rollout): Promise<Outcomes | null> {
    const { outcomes, monotonic } = this.#options;
    if (outcomes === undefined || rollout.plan.success === null || !isCompared(rollout)) return null;
    const known = this.#outcomes;
    const at = monotonic();
    if (known?.rollout === rollout.id && at - known.at < AGAIN_MS) return known.of;
    this.#outcomes = { rollout: rollout.id, at, of: await outcomes(rollout) };
    return this.#outcomes.of;
  }
}
