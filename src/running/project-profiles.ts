import type { Clock } from '../base/time.ts';
import type { Environment } from '../environment/config.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import type { LoggedTopic } from '../featurestore/feature-store-options.ts';
import { HandedRows } from '../monitoring/served/handed-rows.ts';
import { HeldCounts } from '../monitoring/served/held-counts.ts';
import { ProfileHistory } from '../monitoring/served/profile-history.ts';
import { PROFILE_TOPIC } from '../monitoring/served/profile-row.ts';
import { ProfileTopic } from '../monitoring/served/profile-topic.ts';
import { profilesPart } from '../monitoring/served/profiles-part.ts';
import type { ServedProfiles } from '../monitoring/served/served-profiles.ts';
import { openPart } from '../observe/part-kind.ts';
import type { Part } from '../ports/part.ts';
import type { VectorProfiles } from '../ports/vector-profiles.ts';
import { Background } from '../schedule/background.ts';
import { openServedProfiles, refreshBins, waysToWriter } from '../site/open-profiles.ts';
import type { SiteStores } from '../site/site.ts';

export interface ProjectProfilesOptions {
  readonly project: ProjectData;
  readonly environment: Environment;
  /** Whether this many rows may be logged; without room their counts wait in memory. */
  readonly mayLog: (rows: number) => boolean;
  readonly stores: SiteStores<'log' | 'offline' | 'online' | 'registry' | 'artifacts'>;
  readonly clock: Clock;
  /** Whether the same calls give the same profiles: rows leave, and other bins come, with a flush alone. */
  readonly repeatable?: boolean;
  readonly onFault: (error: unknown) => void;
}

/** Longest time that rows wait to be published, and between two looks for other bins, while the project ticks, ms. */
const PUBLISH_AFTER_MS = 60_000;

/**
 * Profiles in the process that writes: its own rows and those of readers go to the log at once, and from there to the history. A row
 * that has left its process is in the log, so that no death of this one loses it.
 */
export class ProjectProfiles {
  readonly #options: ProjectProfilesOptions;
  readonly #served: ServedProfiles | null;
  readonly #topic: ProfileTopic;
  readonly #history: ProfileHistory;
  readonly #held = new HeldCounts();
  readonly #handed: HandedRows;
  readonly #bins = new Map<string, string>();
  readonly #work = new Background();
  #publishedAt = performance.now();

  private constructor(options: ProjectProfilesOptions, topic: ProfileTopic, history: ProfileHistory) {
    this.#options = options;
    this.#topic = topic;
    this.#history = history;
    this.#handed = new HandedRows({
      ways: waysToWriter(options.stores.online, options.environment),
      topic,
      take: (rows, batch) => this.take(rows, batch),
      onFault: options.onFault,
    });
    this.#served = openServedProfiles(options.project, options.environment, {
      ...options,
      held: () => this.#held.counts(),
    });
  }

  /** Opens the topic and finds the place of the history. Errors: those of the stores. */
  static async open(options: ProjectProfilesOptions): Promise<ProjectProfiles> {
    const { log, offline } = options.stores;
    const topic = await ProfileTopic.open(log, options.clock);
    const history = await ProfileHistory.open({ log, offline, unreadable: options.onFault });
    const profiles = new ProjectProfiles(options, topic, history);
    await profiles.#refresh();
    return profiles;
  }

  /** Takes served vectors; null: profiles are off. */
  get vectors(): VectorProfiles | null {
    return this.#served;
  }

  /** The topic, to be trimmed with the log. */
  topics(): readonly LoggedTopic[] {
    return [{ topic: PROFILE_TOPIC, keepFrom: () => [this.#history.published] }];
  }

  /**
   * Takes rows of a process that reads; all are in the log when this ends. Without room in the disk budget their counts are held until
   * there is some. Errors: those of the log.
   */
  async take(rows: readonly Uint8Array[], batch: string | null = null): Promise<void> {
    if (this.#options.mayLog(rows.length)) return this.#topic.append(rows, batch);
    this.#held.add(rows);
    this.#served?.note();
  }

  part(): Part {
    const source = {
      on: this.#served !== null,
      counts: () => this.#served?.counts ?? [],
      lostRows: () => this.#history.unreadable,
    };
    return openPart(profilesPart, source, {
      tick: () => this.#tick(),
      flush: () => this.#flush(),
      close: () => this.#close(),
    });
  }

  async #tick(): Promise<void> {
    if (this.#options.repeatable === true) return;
    const due = performance.now() - this.#publishedAt >= PUBLISH_AFTER_MS;
    if (due) this.#publishedAt = performance.now();
    // A failure is reported and ends nothing: rows that had not left their process leave in a later turn.
    this.#work.start(() => this.#turn(due).catch(this.#options.onFault));
  }

  async #turn(due: boolean): Promise<void> {
    await this.#hand(false);
    if (!due) return;
    await this.#refresh();
    await this.#history.publish();
  }

  async #hand(everything: boolean): Promise<void> {
    await this.#served?.handOver(everything, (rows) => this.take(rows));
    await this.#handed.takeAll().catch(this.#options.onFault);
    if (!this.#held.isEmpty && this.#options.mayLog(0)) await this.#topic.append(this.#held.release());
    // Only now: a sudden end before it counts vectors twice rather than not at all.
    this.#served?.note();
  }

  async #flush(): Promise<void> {
    await this.#work.settled();
    await this.#hand(true);
    await this.#refresh();
    await this.#history.publish();
  }

  async #close(): Promise<void> {
    await this.#flush();
    await this.#served?.close();
  }

  async #refresh(): Promise<void> {
    const { project, stores } = this.#options;
    if (this.#served !== null) await refreshBins(this.#served, project, stores, this.#bins);
  }
}
