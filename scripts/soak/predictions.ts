import { setTimeout as sleep } from 'node:timers/promises';
import { openHeadrace } from '../../src/running/headrace.ts';
import { predictionTable } from '../../src/serving/online/prediction-table.ts';
import { registerVersions } from '../../test/rollouts/versions.ts';
import { project, sold } from './project.ts';

/** Sends a POST; null where it was no success. */
export type Ask = <T>(path: string, body: unknown) => Promise<T | null>;

/** A float32 has 24 bits, and the exponential of a runtime may differ in the last ones. */
const MOST_DIFFERENCE = 1e-5;

/** Asks for predictions while faults happen, and in the end for each acknowledged one in the history. */
export class Predictions {
  readonly #acknowledged = new Map<string, number>();
  readonly wrong: string[] = [];
  #isOver = false;
  #last = 0;

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  /** Gives a new directory its champion. */
  static async prepare(directory: string): Promise<void> {
    const headrace = await openHeadrace({ project, environment: { directory } });
    await headrace.close();
    await registerVersions(directory, sold.name, ['good']);
  }

  /** Predicts until `end`; a prediction without an answer is not asked for again. */
  async run(ask: Ask): Promise<void> {
    while (!this.#isOver) {
      this.#last += 1;
      const id = `soak-${this.#last}`;
      const number = ((this.#last * 37) % 800) / 100 - 4;
      const request = { name: `caller ${this.#last % 50}`, number, gaps: null, category: 1 };
      const answer = await ask<{ readonly score: number }>(`/v1/predictions/${sold.name}`, { id, request });
      if (answer !== null) this.#note(id, answer.score, 1 / (1 + Math.exp(-number)));
      await sleep(answer === null ? 50 : 20);
    }
  }

  end(): void {
    this.#isOver = true;
  }

  #note(id: string, score: number, right: number): void {
    this.#acknowledged.set(id, score);
    if (!(Math.abs(score - right) < MOST_DIFFERENCE)) this.wrong.push(`${id} has the score ${score}, not ${right}`);
  }

  /** After the group has ended: each acknowledged prediction is in the history once, with its score. */
  async check(directory: string): Promise<void> {
    const headrace = await openHeadrace({ project, environment: { directory } });
    try {
      await headrace.flush();
      const seen = new Map<string, number[]>();
      const table = headrace.history.relation(predictionTable(sold));
      for await (const rows of headrace.history.query(`SELECT id, score FROM ${table}`))
        for (const [id, score] of rows) seen.set(String(id), [...(seen.get(String(id)) ?? []), Number(score)]);
      for (const [id, score] of this.#acknowledged) {
        const found = seen.get(id) ?? [];
        if (found.length !== 1 || Math.fround(found[0] ?? 0) !== Math.fround(score))
          this.wrong.push(`the history has ${id} as ${JSON.stringify(found)}, not once as ${score}`);
      }
      for (const [id, scores] of seen) if (scores.length > 1) this.wrong.push(`${id} is ${scores.length} times there`);
    } finally {
      await headrace.close();
    }
  }
}
