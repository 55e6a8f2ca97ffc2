import { fail } from '../../base/errors/fail.ts';
import type { Position } from '../../ports/position.ts';
import type { ShareNames, SharePlace } from '../../ports/tile-shares.ts';
import { evenTags } from './hash-slot.ts';
import {
  aheadOf,
  type CommitsAhead,
  type HandedPlaces,
  handedBy,
  leastPlace,
  parsePosition,
  placeText,
  seedsOf,
} from './log-shares.ts';
import { listOf, type RedisLink, type Reply, textOf } from './redis-link.ts';
import {
  beginCommit,
  closeLogShares,
  confirmServed,
  endCommit,
  markAnchor,
  openLogShares,
  openShares,
  type Script,
} from './scripts.ts';
import type { Place, StoreKeys } from './store-keys.ts';

/**
 * Anchors: what the writer notes on every node, in hashes that lie evenly over the slots, so that each node that can lose
 * tiles loses its anchors with them. All say the same unless a node lost something.
 *
 * ```
 * own      who writes
 * next     number of the commit that is or was being written
 * c<n>     of the newest 2,048 commits: writer NUL position as JSON
 * last     number of the newest commit whose tiles are all written
 * p<name>  of each writer: number of its newest commit NUL position as JSON
 * run      identities of the server processes that the writer found whole, each with how entities are nested; empty while it
 *          catches up
 * nested   how entities are nested, see store-keys.ts
 * fresh    epoch ms: what arrived before is in the tiles
 * shares   where many processes write the tiles: the job that makes them, and among how many shares they are divided
 * served   then: what `run` would be of the one that commits; `run` has those of them that each share has too
 * s<n>     of each share: who has it, a space, where it is read on as JSON
 * f<n>     of each share: what arrived before this epoch ms is in its tiles; `fresh` is the least
 * r<n>     of each share: the server processes that have all its tiles
 * of       where these processes make the tiles of the log: the writer of a store that one process writes, which they continue
 * ahead    then: the commits of that writer that had not ended, their positions by number as JSON
 * g<view>  the runs of a batch view, see batch-rows.ts
 * ```
 * A commit is: `next` and `c<n>` on all anchors, the tiles, `last` and `p<name>` on all anchors, each step acknowledged before
 * the one after. A node replicates in order: one that has a tile of a commit has its `c<n>`, one that has its `last` has all its
 * tiles.
 */
const ANCHORS_OF_CLUSTER = 16;

/** The number of commits whose positions are kept, to compare with after a loss. */
const KEPT_COMMITS = 2_048;

/** One anchor as it stands. */
interface Found {
  readonly owner: string;
  readonly next: number;
  readonly last: string;
  readonly fields: ReadonlyMap<string, string>;
}

export class Anchors {
  readonly places: readonly Place[];
  /** The newest commit that was begun anywhere. */
  commit = 0;
  /** Whether the entities of the store are nested in another way than this process nests them. */
  isNestedOtherwise = false;
  readonly #link: RedisLink;
  readonly #owner: string;
  /** Where others write the tiles. */
  readonly #shares: ShareNames | null;
  readonly #nesting: string;
  /** Where shares of the log stood that another process has written, for the writer that they continued; null: there were none. */
  handed: HandedPlaces | null = null;
  /** Its commits that had not ended. */
  ahead: CommitsAhead = new Map();
  /** The newest commit of each anchor. */
  #last: string[] = [];
  /** Position and writer by commit. */
  readonly #commits = new Map<number, { readonly writer: string; readonly position: Position }>();
  /** By writer, the position that no anchor is behind of; null: one has none. */
  readonly #positions = new Map<string, { readonly commit: number; readonly position: Position } | null>();
  /** A commit whose server process changed under it must not end. */
  #runs: readonly string[] = [];
  #confirmed: readonly string[] = [];

  constructor(link: RedisLink, keys: StoreKeys, owner: string, shares: ShareNames | null = null) {
    this.#link = link;
    this.#owner = owner;
    this.#shares = shares;
    this.#nesting = keys.nesting;
    this.places = anchorPlaces(link, keys);
  }

  /** Reads all anchors; as their writer, also takes them over: for readers, nothing is whole yet. */
  async read(asWriter: boolean): Promise<void> {
    if (asWriter) await this.#open();
    const found = await this.#readAll();
    this.ahead = aheadOf(found[0]?.fields.get('ahead'));
    this.isNestedOtherwise = found.some(({ fields }) => (fields.get('nested') ?? '') !== this.#nesting);
    this.#confirmed = [];
    this.#last = found.map(({ last }) => last);
    this.commit = Math.max(0, ...found.map(({ next }) => next));
    this.#commits.clear();
    this.#positions.clear();
    for (const { fields } of found) for (const [name, value] of fields) this.#takeField(name, value);
    for (const writer of this.#positions.keys()) {
      // The one furthest behind speaks for all.
      const all = found.map(({ fields }) => parsePosition(fields.get(`p${writer}`)));
      const known = all.filter((each) => each !== null);
      const [least] = [...known].sort((a, b) => a.commit - b.commit);
      this.#positions.set(writer, known.length < all.length ? null : (least ?? null));
    }
  }

  /** Says who writes the tiles from here on. */
  async #open(): Promise<void> {
    const shares = this.#shares;
    const args = [this.#owner, sharesText(shares), this.#nesting];
    const found = (await this.#readAll()).map(({ fields }) => fields);
    this.handed = null;
    if (shares?.continues === undefined) {
      this.handed = handedBy(found);
      await this.#all((place) => this.#link.eval(openShares, [place], args));
      return;
    }
    const seeds = seedsOf(shares.continues, shares.shares, found);
    await this.#all((place) => this.#link.eval(openLogShares, [place], [...args, shares.continues ?? '', ...seeds]));
  }

  async #readAll(): Promise<readonly Found[]> {
    return (await this.#all((place) => this.#link.sendUnlimited(place, ['HGETALL', place.key]))).map(parseAnchor);
  }

  /** By share of the log, where it is read on; null: nowhere yet. */
  async sharePlaces(): Promise<readonly (SharePlace | null)[]> {
    const found = await this.#readAll();
    return Array.from({ length: this.#shares?.shares ?? 0 }, (_, share) =>
      leastPlace(found.map(({ fields }) => placeText(fields.get(`s${share}`)))),
    );
  }

  /** Keeps the processes that make the tiles from writing until it is confirmed again; `forgets`: where they stood, too. */
  async closeShares(forgets: boolean): Promise<void> {
    this.#confirmed = [];
    await this.#all((place) => this.#link.eval(closeLogShares, [place], [this.#owner, forgets ? '1' : '0']));
  }

  /** The newest position of a writer that all anchors have. */
  position(writer: string): Position | null {
    return this.#positions.get(writer)?.position ?? null;
  }

  /** The writers that have a position. */
  writers(): readonly string[] {
    return [...this.#positions].flatMap(([writer, position]) => (position === null ? [] : [writer]));
  }

  /** The log position of a tile with a stamp, if it is ahead of the writer's position. `unknown`: it cannot be known. */
  covers(writer: string, stamp: number): Position | null | 'unknown' {
    const standing = this.#positions.get(writer) ?? null;
    if (standing !== null && stamp <= standing.commit) return null;
    const commit = this.#commits.get(stamp);
    if (commit === undefined) return 'unknown';
    return commit.writer === writer ? commit.position : null;
  }

  /** Says on all anchors that a commit comes; gives its number. Errors: STORE_LOCKED, STORE_LOST. */
  async begin(writer: string, position: Position): Promise<number> {
    this.commit += 1;
    const commit = this.commit;
    this.#runs = await this.#runIds();
    const note = `${writer}\0${JSON.stringify(position)}`;
    await this.#mustAll(beginCommit, (i) => [this.#last[i], String(commit), note, String(commit - KEPT_COMMITS)]);
    this.#commits.set(commit, { writer, position });
    this.#commits.delete(commit - KEPT_COMMITS);
    return commit;
  }

  /** Says on all anchors that the tiles of a commit are written. Errors: STORE_LOCKED, STORE_LOST. */
  async end(commit: number, writer: string, position: Position, freshUntil: number): Promise<void> {
    const runs = await this.#runIds();
    // A server process in between may lack tiles that the previous one had acknowledged.
    if (runs.some((run, i) => run !== this.#runs[i]))
      throw fail('REDIS_BUSY', { address: this.#link.address, reason: 'a server restarted during a commit' });
    const note = `${commit}\0${JSON.stringify(position)}`;
    await this.#mustAll(
      endCommit,
      () => [String(commit), writer, note, this.#shares === null ? String(freshUntil) : ''],
      (i) => {
        this.#last[i] = String(commit);
      },
    );
    this.#positions.set(writer, { commit, position });
  }

  /** Says on all anchors up to when the tiles are fresh, unless others write them. Errors: STORE_LOCKED, STORE_LOST. */
  async markFresh(freshUntil: number): Promise<void> {
    await this.mark(this.#shares === null ? [['fresh', String(freshUntil)]] : []);
  }

  /** Sets fields on all anchors. Errors: STORE_LOCKED, STORE_LOST. */
  async mark(fields: readonly (readonly [string, string])[]): Promise<void> {
    await this.#mustAll(markAnchor, (i) => [this.#last[i], ...fields.flat()]);
  }

  /** Says on each anchor that its server process is whole, unless it says so; what is lost is not said to be whole. */
  async confirm(): Promise<void> {
    const runs = await this.#runIds();
    if (runs.every((run, i) => run === this.#confirmed[i])) return;
    // All on each: an anchor may move to another node with its slot.
    const all = wholeTokens(runs, this.#nesting);
    const shares = this.#shares;
    if (shares === null) await this.#mustAll(markAnchor, (i) => [this.#last[i], 'run', all]);
    else
      await this.#mustAll(confirmServed, (i) => [
        this.#last[i],
        String(shares.shares),
        all,
        isOfLog(shares) ? sharesText(shares) : '',
      ]);
    this.#confirmed = runs;
  }

  /** Forgets every writer's place: the log is to be read from its beginning. */
  async forget(): Promise<void> {
    await this.#all((place) => this.#link.sendUnlimited(place, ['UNLINK', place.key]));
  }

  /** A field of all anchors. */
  async field(name: string): Promise<readonly string[]> {
    return (await this.#all((place) => this.#link.sendUnlimited(place, ['HGET', place.key, name]))).map(textOf);
  }

  #runIds(): Promise<readonly string[]> {
    return this.#all(async ({ slot }) => (await this.#link.nodeAgain(slot)).runId);
  }

  async #mustAll(script: Script, args: (i: number) => readonly string[], done?: (i: number) => void): Promise<void> {
    const answers = await this.#all(async (place, i) => {
      const answer = textOf(await this.#link.eval(script, [place], [this.#owner, ...args(i)]));
      if (answer === 'ok') done?.(i);
      return answer;
    });
    if (answers.includes('owner')) throw fail('STORE_LOCKED', { path: this.#link.address });
    if (answers.includes('lost')) throw this.#lost();
  }

  #lost(): Error {
    return fail('STORE_LOST', { path: this.#link.address });
  }

  #all<T>(work: (place: Place, i: number) => Promise<T>): Promise<T[]> {
    return this.#link.within(Promise.all(this.places.map(work)));
  }

  #takeField(name: string, value: string): void {
    if (name.startsWith('p')) this.#positions.set(name.slice(1), null);
    if (!name.startsWith('c')) return;
    const [writer = '', position = '{}'] = value.split('\0');
    this.#commits.set(Number(name.slice(1)), { writer, position: JSON.parse(position) as Position });
  }
}

/** Where the anchors of a store are. */
export function anchorPlaces(link: RedisLink, keys: StoreKeys): readonly Place[] {
  return anchorTags(link).map((tag) => keys.anchor(tag));
}

export function anchorTags({ isCluster }: RedisLink): readonly string[] {
  return isCluster ? evenTags(ANCHORS_OF_CLUSTER) : ['0'];
}

/** Server processes as anchors name whole ones: for a process that nests entities in another way none of them is. */
export function wholeTokens(runIds: readonly string[], nesting: string): string {
  return [...new Set(runIds)].map((runId) => wholeToken(runId, nesting)).join(' ');
}

export function wholeToken(runId: string, nesting: string): string {
  return nesting === '' ? runId : `${runId}.${nesting}`;
}

/** The names of shares on an anchor; empty if one process writes. */
export function sharesText(names: ShareNames | null): string {
  return names === null ? '' : `${names.engine} ${names.shares}`;
}

function isOfLog({ continues }: ShareNames): boolean {
  return continues !== undefined;
}

function parseAnchor(reply: Reply): Found {
  const fields = fieldsOf(reply);
  return {
    owner: fields.get('own') ?? '',
    next: Number(fields.get('next') ?? 0),
    last: fields.get('last') ?? '',
    fields,
  };
}

/** An answer of HGETALL: names and values in turn. */
function fieldsOf(reply: Reply): Map<string, string> {
  const list = listOf(reply);
  const fields = new Map<string, string>();
  for (let i = 0; i < list.length; i += 2) fields.set(textOf(list[i]), textOf(list[i + 1]));
  return fields;
}
