import { canonicalJson, type Json } from '../base/canonical-json.ts';
import { sha256Hex } from '../base/hash/sha256.ts';
import type { PlaybookPlan } from '../features/define/playbook.ts';
import type { Decided, NewEntry, Observed } from '../ports/playbook-store.ts';
import type { Look, PlaybookActions } from './actions.ts';
import { decide } from './decide.ts';
import type { Decision } from './decision.ts';
import { performed } from './perform.ts';
import { PlaybookJournal, type PlaybookJournalOptions } from './playbook-journal.ts';
import type { PlaybookState } from './state.ts';

export interface PlaybookOptions extends PlaybookJournalOptions {
  readonly plan: PlaybookPlan;
  readonly labelWithinMs: number;
  /** Hash of the declaration, and version of Headrace: kept with the decisions. */
  readonly declaration: string;
  readonly code: string;
  readonly actions: PlaybookActions;
  /** Receives failures of actions: they are tried again at the next step. */
  readonly onFault: (error: unknown) => void;
  /** Called at each transition, before and after it: a test ends the process there. */
  readonly transition?: (name: string) => void;
}

export interface StepOptions {
  readonly wait?: boolean;
  readonly at?: number;
}

/** Most rounds of acting and deciding in one step. */
const MOST_ROUNDS = 50;

/** Actions that take long: a step does not wait for them. */
const LONG = ['tryRemedy', 'retrain', 'gate'];

/**
 * The playbook of one model: looks, decides, writes, acts. Each decision is in the journal before anything is done, and its
 * outcome after it. A decision without an outcome is carried out again: actions know their ids, and do nothing twice. Any
 * number of processes may run it: an append to the journal is a compare-and-swap.
 */
export class Playbook {
  readonly #options: PlaybookOptions;
  readonly journal: PlaybookJournal;
  /** Long actions under way here, by decision. */
  readonly #running = new Map<string, Promise<void>>();

  constructor(options: PlaybookOptions) {
    this.#options = options;
    this.journal = new PlaybookJournal(options);
  }

  /**
   * One step: carries out what is decided, looks, decides, until nothing follows. It answers the findings as of `at`, epoch ms:
   * now by default. Long actions continue after it, unless `wait` is set: then the step ends with them. Errors: those of the
   * stores and of looking.
   */
  async step({ wait = false, at = this.#options.clock() }: StepOptions = {}): Promise<void> {
    await this.#configure();
    const failed = new Set<string>();
    let now = at;
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      await this.#carryOut(wait, failed);
      // The clock stands still for a step, but not for its long actions.
      if (wait) now = this.#options.clock();
      if (!(await this.#decide({ now, at }))) return;
    }
  }

  /** Ends when no long action is under way here. */
  async settled(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  /** Notes the limits where they are others than before. */
  async #configure(): Promise<void> {
    const { plan, labelWithinMs, declaration, code, clock } = this.#options;
    const state = await this.journal.state();
    const { configured } = state;
    const known = { plan, labelWithinMs, declaration, code };
    if (configured !== null && sameJson(known, pick(configured))) return;
    if (!(await this.journal.append(state, [{ kind: 'configured', ...known, at: clock(), by: 'playbook' }])))
      return this.#configure();
  }

  /** Carries out what is decided and has no outcome. A failure is reported and tried again at the next step; it delays no other action. */
  async #carryOut(wait: boolean, failed: Set<string>): Promise<void> {
    const { pending } = await this.journal.state();
    for (const decided of pending) {
      const { id, action } = decided;
      if (failed.has(id) || this.#running.has(id)) continue;
      const run = this.#perform(decided)
        .catch((error: unknown) => {
          failed.add(id);
          this.#options.onFault(error);
        })
        .finally(() => this.#running.delete(id));
      this.#running.set(id, run);
      if (!LONG.includes(action.do)) await run;
    }
    if (wait) await this.settled();
  }

  async #perform(decided: Decided): Promise<void> {
    const { actions, transition = () => undefined } = this.#options;
    const { id, action } = decided;
    transition(`before ${action.do}`);
    const outcome = await performed(actions, decided);
    transition(`after ${action.do}`);
    await this.journal.change('playbook', () => ({ kind: 'finished', decision: id, ...outcome }));
    transition(`noted ${action.do}`);
  }

  /** Looks, and writes what follows; whether anything did. */
  async #decide(look: Look): Promise<boolean> {
    const { now } = look;
    const { model, plan, labelWithinMs, actions, transition = () => undefined } = this.#options;
    const seen = await actions.observe(look);
    const observed: Observed = { kind: 'observed', ...seen, digest: sha256Hex(canonicalJson(seen as unknown as Json)) };
    const state = await this.journal.state();
    const decisions = decide({ model, plan, labelWithinMs, state, observed, now });
    if (decisions.length === 0) return false;
    transition(`decided ${decisions[0].action.do}`);
    const appended = await this.journal.append(state, this.#entriesOf(state, observed, decisions, look));
    transition(`wrote ${decisions[0].action.do}`);
    return appended || (await this.#decide(look));
  }

  #entriesOf(
    state: PlaybookState,
    observed: Observed,
    decisions: readonly Decision[],
    { now, at: judgedAt }: Look,
  ): readonly NewEntry[] {
    const { model } = this.#options;
    const by = 'playbook';
    const isNew = state.observed?.digest !== observed.digest;
    const seenAt = isNew ? state.revision + 1 : (state.observed?.revision ?? 0);
    const first = state.revision + (isNew ? 2 : 1);
    const decided = decisions.map((one, i): NewEntry => {
      const ids = {
        id: `${model}-${first + i}`,
        batch: first,
        observed: seenAt,
        configured: state.configured?.revision ?? 0,
      };
      return {
        kind: 'decided',
        ...one,
        ...ids,
        digest: observed.digest,
        versions: versionsOf(one, observed),
        at: now,
        by,
      };
    });
    return isNew ? [{ ...observed, at: judgedAt, by }, ...decided] : decided;
  }
}

function versionsOf({ action }: Decision, { champion, rollout }: Observed): readonly number[] {
  const own = 'version' in action && action.version !== null ? [action.version] : [];
  const rolled = action.do === 'rollBack' && rollout !== null ? [rollout.champion, rollout.candidate] : [];
  return [...new Set([...(champion === null ? [] : [champion]), ...own, ...rolled])];
}

function pick({
  plan,
  labelWithinMs,
  declaration,
  code,
}: Pick<PlaybookOptions, 'plan' | 'labelWithinMs' | 'declaration' | 'code'>) {
  return { plan, labelWithinMs, declaration, code };
}

function sameJson(a: unknown, b: unknown): boolean {
  return canonicalJson(a as Json) === canonicalJson(b as Json);
}
