import type { JournalEntry } from './journal.ts';
import type { PlacedProgress, Placement, PlacementNews, Placer } from './placer.ts';

/** Facts of the run that a placement depends on. */
export interface RunProgress {
  readonly step: number;
  readonly targetSteps: number | null;
  readonly running: boolean;
  readonly waits: boolean;
  /** When the run began and when the attempt was submitted, epoch ms. */
  readonly began: number;
  readonly submitted: number;
}

/** The placement of the running attempt, and its news. Without a placer the run has one placement. */
export class RunPlacement {
  readonly #placer: Placer | undefined;
  readonly #pricePerHour: number;
  readonly #note: (data: JournalEntry['data']) => void;
  #news: PlacementNews = 'keep';

  constructor(placer: Placer | undefined, pricePerHour: number, note: (data: JournalEntry['data']) => void) {
    this.#placer = placer;
    this.#pricePerHour = pricePerHour;
    this.#note = note;
  }

  get news(): PlacementNews {
    return this.#news;
  }

  /** Whether the provider takes the instances, or has. */
  get isTaken(): boolean {
    return this.#news === 'gone' || this.#news === 'notice';
  }

  /** Seconds of the instances' clock in a second of this machine. */
  get speed(): number {
    return this.#placer?.speed ?? 1;
  }

  restore(memory: unknown): void {
    this.#placer?.restore((memory ?? {}) as Record<string, unknown>);
  }

  /** Instances for the next attempt; null: none now. */
  place(progress: RunProgress): Placement | null {
    this.#news = 'keep';
    if (this.#placer === undefined) return { name: 'here', pricePerHour: this.#pricePerHour };
    const placement = this.#placer.place(this.#placed(progress));
    this.#note({ ...(placement ?? { name: 'none' }), memory: this.#placer.memory() });
    return placement;
  }

  look(progress: RunProgress): void {
    const placer = this.#placer;
    if (placer === undefined || this.#news === 'gone') return;
    const before = JSON.stringify(placer.memory());
    this.#news = placer.look(this.#placed(progress));
    if (JSON.stringify(placer.memory()) !== before) this.#note({ memory: placer.memory() });
  }

  #placed({ step, targetSteps, running, waits, began, submitted }: RunProgress): PlacedProgress {
    const since = (at: number) => ((Date.now() - at) / 1000) * this.speed;
    const elapsed = { elapsedS: since(began), attemptS: since(submitted) };
    return { ...elapsed, step, targetSteps: targetSteps ?? 1, running, waits };
  }
}
