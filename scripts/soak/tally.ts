/** A click as it is sent. */
export interface SentClick {
  readonly id: string;
  readonly at: number;
  readonly user: string;
  readonly session: string;
  readonly item: string;
  readonly category: string;
  readonly price: string;
}

/** The answer of `POST /v1/events/clicks`, as far as the tally reads it. */
export interface TakenAnswer {
  readonly accepted: number;
  readonly duplicate: number;
  readonly late: number;
  readonly pending: number;
  readonly refused: number;
  readonly dropped: readonly { readonly index: number; readonly reason: string }[];
  readonly errors: readonly { readonly index: number; readonly code: string }[];
}

/** Counts acknowledged clicks in the plainest way. It shares no code with the product. */
export class Tally {
  acknowledged = 0;
  late = 0;
  refused = 0;
  /** Answers that contradict themselves or the tally. */
  readonly wrong: string[] = [];
  readonly #clicks = new Map<string, number>();

  /** Takes the answer to a batch; `again`: the batch was sent before, without an answer. */
  add(batch: readonly SentClick[], answer: TakenAnswer, again: boolean): void {
    const { accepted, duplicate, late, pending, refused, dropped, errors } = answer;
    if (accepted + duplicate + late + pending + refused !== batch.length)
      this.wrong.push(`the answer to ${batch.length} events counts ${JSON.stringify(answer).slice(0, 200)}`);
    if (duplicate > 0 && !again) this.wrong.push(`${duplicate} new events were called duplicates`);
    const out = new Map<number, string>();
    for (const { index, reason } of dropped) out.set(index, reason);
    for (const { index, code } of errors) out.set(index, code);
    batch.forEach(({ user }, index) => {
      const reason = out.get(index);
      if (reason === 'late') this.late += 1;
      else if (reason !== undefined && reason !== 'duplicate') this.refused += 1;
      else {
        this.acknowledged += 1;
        this.#clicks.set(user, (this.#clicks.get(user) ?? 0) + 1);
      }
    });
  }

  /** The clicks of a user. */
  of(user: string): number {
    return this.#clicks.get(user) ?? 0;
  }

  get users(): readonly string[] {
    return [...this.#clicks.keys()];
  }
}
