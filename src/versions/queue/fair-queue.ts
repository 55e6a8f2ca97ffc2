/** An item that waits. */
export interface Waiting {
  /** The tenant that it belongs to. */
  readonly tenant: string;
  /** 1 is served first. */
  readonly priority: number;
  /** Its cost, in rows. */
  readonly rows: number;
}

/** Rows that a tenant of weight 1 may take in one round, where a run has as many. */
const QUANTUM = 32;

/** Items of one tenant in one priority, in the order of arrival. */
interface Lane<T> {
  readonly tenant: string;
  readonly items: (T | null)[];
  head: number;
  /** Rows that it may take in this round; null: its first has not begun. */
  deficit: number | null;
}

interface Level<T> {
  readonly priority: number;
  readonly lanes: Map<string, Lane<T>>;
  /** Lanes of tenants of which nothing waited; the first is served next. */
  readonly fresh: Lane<T>[];
  /** Other lanes, served where no fresh one is. An empty one stays for its turn: its tenant is not fresh again before that. */
  readonly ring: Lane<T>[];
}

/**
 * Items that wait, by priority and then fairly by tenant: deficit round robin over rows (Shreedhar and Varghese, Efficient
 * Fair Queuing Using Deficit Round Robin, SIGCOMM 1995). A tenant that sends more than its share delays only itself. Where runs have fewer rows
 * than the usual round, a round has as many: else a tenant would wait for several runs of another. A tenant of which nothing waited goes
 * first, for one round (as new flows in FQ-CoDel, RFC 8290, 4.2): it does not wait for the rest of another's round.
 */
export class FairQueue<T extends Waiting> {
  readonly #weightOf: (tenant: string) => number;
  readonly #rowsARun: () => number;
  readonly #levels: Level<T>[] = [];
  readonly #byTenant = new Map<string, number>();
  #rows = 0;
  #items = 0;

  constructor(weightOf: (tenant: string) => number = () => 1, rowsARun: () => number = () => QUANTUM) {
    this.#weightOf = weightOf;
    this.#rowsARun = rowsARun;
  }

  /** Rows that wait. */
  get rows(): number {
    return this.#rows;
  }

  /** Items that wait. */
  get size(): number {
    return this.#items;
  }

  /** Rows of a tenant that wait. */
  rowsOf(tenant: string): number {
    return this.#byTenant.get(tenant) ?? 0;
  }

  add(item: T): void {
    const level = this.#level(item.priority);
    let lane = level.lanes.get(item.tenant);
    if (lane === undefined) {
      lane = { tenant: item.tenant, items: [], head: 0, deficit: null };
      level.lanes.set(item.tenant, lane);
      level.fresh.push(lane);
    }
    lane.items.push(item);
    this.#count(item, 1);
  }

  /** Takes an item out that has not been taken; false: it is not here. */
  remove(item: T): boolean {
    const lane = this.#levels.find(({ priority }) => priority === item.priority)?.lanes.get(item.tenant);
    const place = lane?.items.indexOf(item, lane.head) ?? -1;
    if (lane === undefined || place < 0) return false;
    lane.items[place] = null;
    this.#count(item, -1);
    return true;
  }

  /** Takes the next item if `fits` accepts it; null: nothing waits, or the next one does not fit. */
  take(fits: (item: T) => boolean): T | null {
    for (const level of this.#levels) {
      const taken = this.#takeOf(level, fits);
      if (taken !== undefined) return taken;
    }
    return null;
  }

  /** The item that is taken next; undefined: the level is empty; null: its next does not fit. */
  #takeOf(level: Level<T>, fits: (item: T) => boolean): T | null | undefined {
    for (;;) {
      const from = level.fresh.length > 0 ? level.fresh : level.ring;
      const [lane] = from;
      if (lane === undefined) return undefined;
      const item = next(lane);
      if (item === null) {
        this.#passEmpty(level, lane);
        continue;
      }
      let deficit = lane.deficit ?? this.#quantum(lane.tenant);
      if (deficit < item.rows && level.lanes.size > 1) {
        if (from === level.ring) deficit += this.#quantum(lane.tenant);
        lane.deficit = deficit;
        if (from === level.fresh || deficit < item.rows) {
          level.ring.push(...from.splice(0, 1));
          continue;
        }
      }
      lane.deficit = deficit;
      if (!fits(item)) return null;
      lane.head += 1;
      lane.deficit = level.lanes.size === 1 ? 0 : deficit - item.rows;
      this.#count(item, -1);
      this.#turn(level, lane);
      return item;
    }
  }

  /** A lane without items: a fresh one waits for its turn in the ring, one whose turn has come is forgotten. */
  #passEmpty(level: Level<T>, lane: Lane<T>): void {
    if (level.fresh[0] === lane) level.ring.push(...level.fresh.splice(0, 1));
    else {
      level.ring.shift();
      level.lanes.delete(lane.tenant);
    }
  }

  /** A lane that has used its deficit up lets the others go first, also where its next item comes before the next look. */
  #turn(level: Level<T>, lane: Lane<T>): void {
    const rows = next(lane)?.rows ?? 1;
    if ((lane.deficit ?? 0) < rows && level.ring[0] === lane) level.ring.push(...level.ring.splice(0, 1));
    if (lane.head < 1_024) return;
    lane.items.splice(0, lane.head);
    lane.head = 0;
  }

  #quantum(tenant: string): number {
    return Math.min(QUANTUM, this.#rowsARun()) * this.#weightOf(tenant);
  }

  #level(priority: number): Level<T> {
    const known = this.#levels.find((level) => level.priority === priority);
    if (known !== undefined) return known;
    const level: Level<T> = { priority, lanes: new Map(), fresh: [], ring: [] };
    this.#levels.push(level);
    this.#levels.sort((a, b) => a.priority - b.priority);
    return level;
  }

  #count({ tenant, rows }: T, sign: 1 | -1): void {
    this.#items += sign;
    this.#rows += sign * rows;
    const left = this.rowsOf(tenant) + sign * rows;
    if (left === 0) this.#byTenant.delete(tenant);
    else this.#byTenant.set(tenant, left);
  }
}

/** The first item of a lane; those that were removed are passed over. */
function next<T>(lane: Lane<T>): T | null {
  while (lane.head < lane.items.length && lane.items[lane.head] === null) lane.head += 1;
  return lane.items[lane.head] ?? null;
}
