import type { Clock } from '../base/time.ts';
import { openArtifacts } from '../compose/open-artifacts.ts';
import { openServedProfiles, refreshBins } from '../compose/open-profiles.ts';
import { openRegistry } from '../compose/open-registry.ts';
import type { Environment } from '../environment/config.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { profilesPart } from '../monitoring/served/profiles-part.ts';
import type { ServedProfiles } from '../monitoring/served/served-profiles.ts';
import { openPart } from '../observe/part-kind.ts';
import type { Part } from '../ports/part.ts';
import type { VectorProfiles } from '../ports/vector-profiles.ts';
import { Background } from '../schedule/background.ts';

export interface ReaderProfilesOptions {
  readonly project: ProjectData;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** Time between two looks for other bins, ms. */
const REFRESH_AFTER_MS = 60_000;

/** Profiles in a process that only reads: its rows are for the process that writes, or for the log. */
export class ReaderProfiles {
  /** Rows that were dropped because nobody took them. */
  lostRows = 0;
  readonly #options: ReaderProfilesOptions;
  readonly #served: ServedProfiles | null;
  readonly #bins = new Map<string, string>();
  readonly #work = new Background();
  #refreshedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ReaderProfilesOptions) {
    this.#options = options;
    this.#served = openServedProfiles(options.project, options.environment, options);
  }

  /** Takes served vectors; null: profiles are off. */
  get vectors(): VectorProfiles | null {
    return this.#served;
  }

  /** Rows of intervals that are over, or of all. */
  async collect(everything: boolean): Promise<readonly Uint8Array[]> {
    return (await this.#served?.collect(everything)) ?? [];
  }

  part(): Part {
    const source = {
      on: this.#served !== null,
      counts: () => this.#served?.counts ?? [],
      lostRows: () => this.lostRows,
    };
    return openPart(profilesPart, source, { tick: async () => this.#tick() });
  }

  async close(): Promise<void> {
    await this.#work.settled().catch(this.#options.onFault);
    await this.#served?.close();
  }

  #tick(): void {
    const { onFault } = this.#options;
    if (this.#served === null || performance.now() - this.#refreshedAt < REFRESH_AFTER_MS) return;
    this.#refreshedAt = performance.now();
    // Without bins the counts of a window are estimated from quantiles: no reason to stop.
    this.#work.start(() => this.#refresh().catch(onFault));
  }

  async #refresh(): Promise<void> {
    const { project, environment } = this.#options;
    if (this.#served === null || project.models.length === 0) return;
    const registry = await openRegistry(environment);
    try {
      await refreshBins(this.#served, project, { registry, artifacts: await openArtifacts(environment) }, this.#bins);
    } finally {
      await registry.close();
    }
  }
}
