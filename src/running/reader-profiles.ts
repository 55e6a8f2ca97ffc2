import { HandingOver } from '../monitoring/served/handing-over.ts';
import { profilesPart } from '../monitoring/served/profiles-part.ts';
import type { ServedProfiles } from '../monitoring/served/served-profiles.ts';
import { openPart } from '../observe/part-kind.ts';
import type { HandOver } from '../ports/hand-over.ts';
import type { Part } from '../ports/part.ts';
import type { VectorProfiles } from '../ports/vector-profiles.ts';
import { Background } from '../schedule/background.ts';
import { openServedProfiles, refreshBins } from '../site/open-profiles.ts';
import type { Site } from '../site/site.ts';

export interface ReaderProfilesOptions {
  readonly site: Site;
  /** The way to the process that writes; null: this process's caller collects the rows. */
  readonly way: HandOver | null;
}

/** Time between two looks for other bins, ms. */
const REFRESH_AFTER_MS = 60_000;

/** Profiles in a process that only reads: its rows are for the process that writes. */
export class ReaderProfiles {
  /** Rows that were dropped because nobody took them. */
  lostRows = 0;
  readonly #options: ReaderProfilesOptions;
  readonly #served: ServedProfiles | null;
  readonly #handing: HandingOver | null;
  readonly #bins = new Map<string, string>();
  readonly #work = new Background();
  readonly #hands = new Background();
  #refreshedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ReaderProfilesOptions) {
    this.#options = options;
    const { way, site } = options;
    const { project, environment, clock, onFault } = site;
    const held = () => this.#handing?.counts() ?? [];
    this.#served = openServedProfiles(project, environment, { clock, onFault, held });
    this.#handing =
      way === null || this.#served === null ? null : new HandingOver({ way, clock, process: this.#served.process });
  }

  /** Takes served vectors; null: profiles are off. */
  get vectors(): VectorProfiles | null {
    return this.#served;
  }

  /** Hands over rows of intervals that are over, or of all; see `ServedProfiles`. Call `note` when somebody has them. */
  async handOver(everything: boolean, take: (rows: readonly Uint8Array[]) => Promise<void>): Promise<void> {
    await this.#served?.handOver(everything, take);
  }

  /** Notes how many vectors a sudden end would take along. */
  note(): void {
    this.#served?.note();
  }

  part(): Part {
    const source = {
      on: this.#served !== null,
      counts: () => this.#served?.counts ?? [],
      lostRows: () => this.lostRows + (this.#handing?.lostRows ?? 0),
      waiting: () => this.#handing?.waiting ?? 0,
    };
    return openPart(profilesPart, source, { tick: async () => this.#tick() });
  }

  async close(): Promise<void> {
    const { onFault } = this.#options.site;
    await this.#work.settled().catch(onFault);
    await this.#hands.settled().catch(onFault);
    await this.#handAll(true).catch(onFault);
    await this.#served?.close();
  }

  #tick(): void {
    const { onFault } = this.#options.site;
    if (this.#served === null) return;
    this.#hands.start(() => this.#handAll(false).catch(onFault));
    if (performance.now() - this.#refreshedAt < REFRESH_AFTER_MS) return;
    this.#refreshedAt = performance.now();
    // Without bins the counts of a window are estimated from quantiles: no reason to stop.
    this.#work.start(() => this.#refresh().catch(onFault));
  }

  async #handAll(everything: boolean): Promise<void> {
    const handing = this.#handing;
    if (handing === null) return;
    try {
      await this.handOver(everything, (rows) => handing.add(rows));
      // Rows that nobody took before are offered again.
      await handing.add([]);
    } finally {
      this.note();
    }
  }

  async #refresh(): Promise<void> {
    const { site } = this.#options;
    if (this.#served === null || site.project.models.length === 0) return;
    await refreshBins(this.#served, site.project, await site.open('registry', 'artifacts'), this.#bins);
  }
}
