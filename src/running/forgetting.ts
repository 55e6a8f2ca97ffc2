import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ForgetOptions, type ForgetReport, forget } from '../operating/forget.ts';
import { forgetSamples } from '../playbook/audit-samples.ts';
import { batchOutgoing, batchScores, batchScratch } from '../site/batch-tools.ts';

/** Takes entities out of every store, one at a time. */
export class Forgetting {
  readonly #options: ForgetOptions;
  readonly #flush: () => Promise<void>;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: Omit<ForgetOptions, 'forgetSamples'>, flush: () => Promise<void>) {
    const folder = join(options.directory, 'playbook');
    this.#options = { ...options, forgetSamples: (ids) => forgetSamples(folder, ids) };
    this.#flush = flush;
  }

  /** Errors: FORGET_*, REQUEST_*, those of the stores. */
  forget(entity: string, key: Readonly<Record<string, unknown>>): Promise<ForgetReport> {
    const turn = this.#turn.then(async () => {
      await this.#flush();
      const report = await forget(this.#options, entity, key);
      // Copies of inputs and scores may hold its rows; the next run writes them again, without these.
      const { directory } = this.#options;
      for (const folder of [batchScratch(directory), batchScores(directory), batchOutgoing(directory)])
        rmSync(folder, { recursive: true, force: true });
      return report;
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
