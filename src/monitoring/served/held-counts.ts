import { decodeProfileRow, encodeProfileRow } from './profile-row.ts';
import type { UnsentCount } from './unsent-counts.ts';

/** Entries from which counts are kept by longer intervals. */
const MOST_ENTRIES = 1_024;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How finely counts are kept: of each process and interval, of a host's hours, of a day. */
type Level = 0 | 1 | 2;

interface Entry {
  readonly service: string;
  readonly host: string;
  readonly process: string;
  readonly begins: number;
  readonly ends: number;
  served: number;
}

/**
 * Counts of served vectors for which the log has no room: how many were served, and that no profile has them. Beyond a number of
 * entries they are merged by hour, then by day, so that they take little memory however long they wait.
 */
export class HeldCounts {
  readonly #most: number;
  #level: Level = 0;
  #entries = new Map<string, Entry>();

  constructor(most = MOST_ENTRIES) {
    this.#most = most;
  }

  /** Takes the counts of rows, as payloads of records. Their profiles are dropped. */
  add(payloads: readonly Uint8Array[]): void {
    for (const payload of payloads) {
      const { feature, served, ...row } = decodeProfileRow(payload);
      if (feature === '' && served > 0) this.#add({ ...row, served });
    }
    if (this.#entries.size > this.#most && this.#level < 2) this.#coarsen();
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** The counts by service and interval, for the file that outlives the process. */
  counts(): readonly UnsentCount[] {
    const counts = new Map<string, { service: string; at: number; vectors: number }>();
    for (const { service, begins, served } of this.#entries.values()) {
      const key = `${service} ${begins}`;
      const held = counts.get(key);
      if (held === undefined) counts.set(key, { service, at: begins, vectors: served });
      else held.vectors += served;
    }
    return [...counts.values()];
  }

  /** Hands over rows of all counts, as payloads of records, and holds none. */
  release(): readonly Uint8Array[] {
    const rows = [...this.#entries.values()].map(({ service, host, process, begins, ends, served }) =>
      encodeProfileRow({
        service,
        host,
        process,
        begins,
        ends,
        served,
        feature: '',
        rows: 0,
        texts: [],
        profile: null,
      }),
    );
    this.#entries.clear();
    this.#level = 0;
    return rows;
  }

  #add(given: Entry): void {
    const entry = atLevel(given, this.#level);
    const key = `${entry.service} ${entry.host} ${entry.process} ${entry.begins}`;
    const held = this.#entries.get(key);
    if (held === undefined) this.#entries.set(key, entry);
    else held.served += entry.served;
  }

  #coarsen(): void {
    this.#level = this.#level === 0 ? 1 : 2;
    const entries = [...this.#entries.values()];
    this.#entries = new Map();
    for (const entry of entries) this.#add(entry);
    if (this.#entries.size > this.#most && this.#level < 2) this.#coarsen();
  }
}

function atLevel({ service, host, process, begins, ends, served }: Entry, level: Level): Entry {
  if (level === 0) return { service, host, process, begins, ends, served };
  const lengthMs = level === 1 ? HOUR_MS : DAY_MS;
  const from = Math.floor(begins / lengthMs) * lengthMs;
  return { service, host: level === 1 ? host : '', process: '', begins: from, ends: from + lengthMs, served };
}
