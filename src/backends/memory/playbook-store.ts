import { fail } from '../../base/errors/fail.ts';
import type { NewEntry, PlaybookEntry, PlaybookStore } from '../../ports/playbook-store.ts';

/** Journals of playbooks in memory: the definition of the port. Nothing survives the process. */
export class MemoryPlaybookStore implements PlaybookStore {
  readonly #journals = new Map<string, PlaybookEntry[]>();

  entries(model: string, after = 0): readonly PlaybookEntry[] {
    return (this.#journals.get(model) ?? []).slice(after);
  }

  append(model: string, expected: number, facts: readonly NewEntry[]): number {
    const journal = this.#journals.get(model) ?? [];
    if (journal.length !== expected) throw fail('PLAYBOOK_MOVED', { model, found: journal.length, expected });
    const added = facts.map((fact, i) => structuredClone({ ...fact, model, revision: expected + 1 + i }));
    this.#journals.set(model, [...journal, ...added]);
    return expected + facts.length;
  }

  close(): void {
    // Nothing is open.
  }
}
