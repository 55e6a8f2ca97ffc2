import type { ClockSources } from '../../src/base/guarded-clock.ts';

/** The clocks of a machine that a test lets run, sleep, start again, and sets. */
export class Machine {
  /** The time as it is, epoch ms. */
  realTs: number;
  /** What somebody set the clock of the system ahead by, ms. */
  aheadMs = 0;
  /** Machines that do not name their starts: not Linux. */
  readonly #namesBoots: boolean;
  #boot = 1;
  #bootTs: number;
  #asleepMs = 0;

  constructor(realTs: number, namesBoots = true) {
    this.realTs = realTs;
    this.#bootTs = realTs - 1_000_000;
    this.#namesBoots = namesBoots;
  }

  run(ms: number): void {
    this.realTs += ms;
  }

  sleep(ms: number): void {
    this.realTs += ms;
    this.#asleepMs += ms;
  }

  startAgain(offMs: number): void {
    this.realTs += offMs;
    this.#bootTs = this.realTs;
    this.#asleepMs = 0;
    this.#boot += 1;
  }

  clocks(): ClockSources {
    return {
      wall: () => this.realTs + this.aheadMs,
      monotonic: () => this.realTs - this.#bootTs - this.#asleepMs,
      sinceBoot: () => this.realTs - this.#bootTs,
      boot: this.#namesBoots ? `boot ${this.#boot}` : null,
    };
  }
}
