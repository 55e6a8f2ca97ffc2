import { fail, isHeadraceError } from '../base/errors/fail.ts';
import type { Clock } from '../base/time.ts';
import type { NewEntry, PlaybookEntry, PlaybookFact, PlaybookStore } from '../ports/playbook-store.ts';
import { fold, NO_STATE, type PlaybookState } from './state.ts';

export interface PlaybookJournalOptions {
  readonly model: string;
  readonly store: PlaybookStore;
  readonly clock: Clock;
  /** Called after each append of this process: serving follows at once. */
  readonly changed?: () => Promise<void>;
}

/** The person who changes a playbook, and why. */
export interface SaidBy {
  readonly by: string;
  readonly reason: string;
}

/** The journal of one model: its state, and what people say to it. Any process may open it. Errors: those of the store. */
export class PlaybookJournal {
  readonly #options: PlaybookJournalOptions;
  #state: PlaybookState = NO_STATE;

  constructor(options: PlaybookJournalOptions) {
    this.#options = options;
  }

  /** The state as of the journal now. */
  async state(): Promise<PlaybookState> {
    const { store, model } = this.#options;
    this.#state = fold(this.#state, await store.entries(model, this.#state.revision));
    return this.#state;
  }

  /** The entries after a revision, in order. */
  async entries(after = 0): Promise<readonly PlaybookEntry[]> {
    return this.#options.store.entries(this.#options.model, after);
  }

  /** Answers the question that waits. Error: PLAYBOOK_ANSWER. */
  answer(approve: boolean, { by, reason }: SaidBy): Promise<void> {
    return this.change(by, ({ response }) => {
      const asked = response?.asked ?? null;
      if (asked === null || asked.answer !== null) throw fail('PLAYBOOK_ANSWER', { model: this.#options.model });
      return { kind: 'answered', decision: asked.id, approve, reason };
    });
  }

  /** Freezes or thaws. Error: PLAYBOOK_FROZEN, where it is so already. */
  freeze(isFrozen: boolean, { by, reason }: SaidBy): Promise<void> {
    return this.change(by, ({ frozen }) => {
      const { model } = this.#options;
      if ((frozen !== null) === isFrozen)
        throw fail('PLAYBOOK_FROZEN', { model, state: isFrozen ? 'frozen' : 'thawed' });
      return { kind: isFrozen ? 'frozen' : 'thawed', reason };
    });
  }

  /** Says that a fault of these features is none, until another version is champion. */
  accept(features: readonly string[], { by, reason }: SaidBy): Promise<void> {
    return this.change(by, () => ({ kind: 'accepted', features, reason }));
  }

  /** Appends the fact that follows from the state; from the next state, where another process wrote meanwhile. */
  async change(by: string, factOf: (state: PlaybookState) => PlaybookFact): Promise<void> {
    while (true) {
      const state = await this.state();
      if (await this.append(state, [{ ...factOf(state), at: this.#options.clock(), by }])) return;
    }
  }

  /** Whether the journal still ended where the state does: otherwise nothing is appended. */
  async append(state: PlaybookState, facts: readonly NewEntry[]): Promise<boolean> {
    const { store, model, changed } = this.#options;
    try {
      await store.append(model, state.revision, facts);
    } catch (error) {
      if (isHeadraceError(error, 'PLAYBOOK_MOVED')) return false;
      throw error;
    }
    await changed?.();
    return true;
  }
}
