import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { closingWithin } from '../base/closing.ts';
import { fail, isHeadraceError } from '../base/errors/fail.ts';
import type { Clock } from '../base/time.ts';
import { engineOf, logOf, onlineOf } from '../compose/back-ends.ts';
import { closeStores, openHistory, openStores } from '../compose/compose.ts';
import { clearMigrated, copyModels, holdEnvironment, lockMigration } from '../compose/migration-parts.ts';
import { withTileJobs } from '../compose/tile-jobs.ts';
import type { Environment } from '../environment/config.ts';
import { declarationFile } from '../environment/place-declaration.ts';
import { declarationDocument, parseDeclaration } from '../features/change/declaration-document.ts';
import { planChanges } from '../features/change/plan-changes.ts';
import type { EventSourceData, ProjectData, StreamViewData } from '../features/define/declaration.ts';
import { serveKept } from '../featurestore/batch/serve-kept.ts';
import { topicOf } from '../featurestore/ingest/gateway.ts';
import { compareAnswers, type Difference, differenceText } from '../operating/migrate/compare-answers.ts';
import { copyDeliveries, firstOffsets, publishedUpTo } from '../operating/migrate/copy-deliveries.ts';
import { type CopiedTable, copyTables } from '../operating/migrate/copy-tables.ts';
import { forgottenSince } from '../operating/migrate/forgotten-since.ts';
import {
  type CopyPlace,
  type Journal,
  type Moved,
  readJournal,
  readMoved,
  removeMoved,
  writeJournal,
  writeMoved,
} from '../operating/migrate/migration-files.ts';
import { keysSince, otherQuestions, streamQuestions, withViewServices } from '../operating/migrate/questions.ts';
import { untilNoneBehind } from '../operating/migrate/until-none-behind.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import { closeProject } from './close-project.ts';
import { flushParts, type OpenProject, openProject } from './open-project.ts';
import { Reader } from './reader.ts';

/** Offsets of each partition that are copied before the place is noted. */
const COPIED_AT_ONCE = 10_000;

/** Deliveries after which the new environment publishes. */
const PUBLISHED_AFTER = 200_000;

/** Keys of each view, and logged requests of each service, that are compared. */
const COMPARED = 1_000;

/** A process that takes events has published them after this, ms: it does so once a minute. */
const PUBLISHED_WITHIN_MS = 70_000;

/** How often differences are looked at again before they are more than a matter of time. */
const LOOKS = 3;

const POLL_MS = 250;

/** Time after which missing tiles of another engine are given up, ms. */
const TILES_WITHIN_MS = 120_000;

/** Files of a directory that are never moved. */
const LEFT_BEHIND = ['runs', 'training-sets', 'audit.jsonl'];

export interface MigrationOptions {
  readonly project: ProjectData;
  readonly from: Environment;
  readonly to: Environment;
  readonly clock: Clock;
  /** Receives its progress in words. */
  readonly tell: (line: string) => void;
  readonly onFault: (error: unknown) => void;
}

/** The copied deliveries of a source. */
export interface CopiedSource {
  readonly source: string;
  readonly deliveries: number;
  /** Deliveries before the first that the history still has. */
  readonly lost: number;
}

/** The result of a comparison; differences are an error. */
export interface Compared {
  /** As of when, epoch ms. */
  readonly at: number;
  readonly answers: number;
  /** Answers that are made of events which the old environment took meanwhile: those are compared the next time. */
  readonly moving: number;
}

export interface CutOver {
  readonly movedAt: number;
  readonly sources: readonly CopiedSource[];
  readonly tables: readonly CopiedTable[];
  readonly compared: Compared;
}

export interface RolledBack {
  /** Deliveries that had come after the cut-over, by source; null where there was none. */
  readonly sources: readonly CopiedSource[] | null;
}

/**
 * Moves a project that still takes events to another environment. Its history is replayed into the new log, and both are asked the
 * same. Once the old one has stopped the rest follows, and the old directory is marked as left. Every step resumes where a
 * killed one ended.
 */
export class Migration {
  readonly #options: MigrationOptions;
  readonly #lock: { release(): void };

  private constructor(options: MigrationOptions, lock: { release(): void }) {
    this.#options = options;
    this.#lock = lock;
  }

  /** Takes the lock of a migration. Errors: MIGRATE_SAME, MIGRATE_LOCKED. */
  static open(options: MigrationOptions): Migration {
    const shared = sharedPlace(options.from, options.to);
    if (shared !== null) throw fail('MIGRATE_SAME', { from: options.from.directory, to: options.to.directory, shared });
    return new Migration(options, lockMigration(options.to));
  }

  close(): void {
    this.#lock.release();
  }

  /** Where the migration stands; null where none was begun. */
  journal(): Journal | null {
    return readJournal(this.#options.to.directory);
  }

  /** Parts of the old environment that stay in place. */
  leftBehind(): readonly string[] {
    const { directory } = this.#options.from;
    return LEFT_BEHIND.map((name) => join(directory, name)).filter((path) => existsSync(path));
  }

  /**
   * Copies what the old environment has published and the new one does not have; one that nobody writes publishes all it has
   * before. Errors: MIGRATE_*, those of the new stores.
   */
  async copy(stopped?: Promise<unknown>): Promise<readonly CopiedSource[]> {
    const { from } = this.#options;
    this.#begin();
    if (isIdle(from)) await this.#publish(from, 'MIGRATE_SOURCE_RUNS');
    return this.#withHistory((history) => this.#copy(history, stopped));
  }

  /** Asks both environments for the stream views of the same keys. Errors: MIGRATE_DIFFERS, those of the stores. */
  async compare(): Promise<Compared> {
    return this.#withHistory((history) => this.#compareAmidEvents(history));
  }

  /**
   * Moves what is left of the old environment, which no process may have open, compares all, and marks its directory as left.
   * Errors: MIGRATE_*.
   */
  async cutOver(): Promise<CutOver | null> {
    const { from, to, clock } = this.#options;
    const moved = this.#moved();
    const known = this.journal();
    if (moved !== null && known !== null) {
      // A cut-over that was killed between its two last steps.
      if (known.movedAt === null) writeJournal(to.directory, { ...known, movedAt: moved.at });
      return null;
    }
    const { begunAt } = this.#begin();
    await this.#publish(from, 'MIGRATE_SOURCE_RUNS');
    const hold = holdEnvironment(from);
    try {
      const forgotten = forgottenSince(from.directory, begunAt);
      if (forgotten !== null)
        throw fail('MIGRATE_FORGOTTEN', { at: new Date(forgotten).toISOString(), directory: from.directory });
      return await this.#withHistory(async (history) => {
        const sources = await this.#copy(history);
        const tables = await this.#copyState(history, from, to);
        const compared = await this.#compareAll(history);
        const movedAt = clock();
        writeMoved(from.directory, { format: 1, to: to.directory, at: movedAt, returned: null });
        writeJournal(to.directory, { ...this.#journal(), movedAt });
        return { movedAt, sources, tables, compared };
      });
    } finally {
      hold.release();
    }
  }

  /**
   * Takes a migration back: deliveries after the cut-over go to the old environment, and everything is removed from the new one.
   * Errors: MIGRATE_NONE, MIGRATE_TARGET_RUNS, MIGRATE_FILE, those of the stores.
   */
  async rollBack(): Promise<RolledBack> {
    const { from, to, clock } = this.#options;
    const journal = this.#journal();
    const moved = this.#moved();
    let sources: readonly CopiedSource[] | null = null;
    if (moved !== null) {
      sources = await this.#return();
      writeJournal(to.directory, { ...this.#journal(), movedAt: moved.at, returnedAt: clock() });
      removeMoved(from.directory);
    } else if (journal.movedAt !== null && journal.returnedAt === null) {
      throw fail('MIGRATE_FILE', {
        path: join(from.directory, 'moved.json'),
        reason: 'it is gone, and with it where the way back begins',
      });
    }
    this.#tell('removing everything from the new environment');
    await clearMigrated(to, journal.opened);
    return { sources };
  }

  /** That the project has left for this new environment; null: it has not, or for another. */
  #moved(): Moved | null {
    const { from, to } = this.#options;
    const moved = readMoved(from.directory);
    return moved !== null && resolve(moved.to) === resolve(to.directory) ? moved : null;
  }

  /** The journal of this migration. Errors: MIGRATE_NONE, MIGRATE_OTHER. */
  #journal(): Journal {
    const { from, to } = this.#options;
    const journal = this.journal();
    if (journal === null) throw fail('MIGRATE_NONE', { directory: to.directory });
    if (resolve(journal.from) !== resolve(from.directory))
      throw fail('MIGRATE_OTHER', { directory: to.directory, from: journal.from });
    return journal;
  }

  /** Begins the migration, or finds it begun. */
  #begin(): Journal {
    const { project, from, to, clock } = this.#options;
    const file = declarationFile(from.directory);
    if (!existsSync(file)) throw fail('MIGRATE_NOTHING', { from: from.directory, directory: from.directory });
    const before = parseDeclaration(readFileSync(file, 'utf8'));
    const { changes } = planChanges(before, declarationDocument(project, before));
    // Budgets and functions may change at any time.
    if (changes.some(({ kind }) => kind !== 'changeSettings' && kind !== 'changeCode'))
      throw fail('MIGRATE_DECLARATION', { directory: from.directory });
    if (to.partitions % from.partitions !== 0)
      throw fail('MIGRATE_PARTITIONS', { from: from.partitions, to: to.partitions });
    const moved = readMoved(from.directory);
    if (moved !== null) throw fail('MIGRATE_DONE', { directory: from.directory, to: moved.to });
    if (this.journal() === null) {
      if (existsSync(declarationFile(to.directory))) throw fail('MIGRATE_TARGET', { found: to.directory });
      writeJournal(to.directory, {
        format: 1,
        from: from.directory,
        begunAt: clock(),
        opened: false,
        movedAt: null,
        returnedAt: null,
        copied: {},
      });
    }
    const journal = this.#journal();
    if (journal.movedAt !== null) throw fail('MIGRATE_DONE', { directory: from.directory, to: to.directory });
    return journal;
  }

  async #copy(history: OfflineStore, stopped?: Promise<unknown>): Promise<readonly CopiedSource[]> {
    const { project, to } = this.#options;
    const target = await this.#openProject(to, 'MIGRATE_TARGET_RUNS');
    try {
      await this.#mayBegin(target);
      if (engineOf(to) !== null) {
        const { jobId } = await withTileJobs(project, to, 'change', (jobs) => jobs.deploy());
        this.#tell(`job ${jobId} makes the tiles of the new environment`);
      }
      const copied = new Map<string, CopiedSource>();
      let isStopped = false;
      void stopped?.then(() => {
        isStopped = true;
      });
      for (let appended = 1; appended > 0 && !isStopped; ) {
        await history.refresh();
        appended = 0;
        for (const source of project.sources) {
          const lost = await this.#lostOf(history, source);
          const deliveries = await this.#copySource(history, source, target);
          appended += deliveries;
          const before = copied.get(source.name)?.deliveries ?? 0;
          copied.set(source.name, { source: source.name, deliveries: before + deliveries, lost });
        }
      }
      await this.#untilTiles(target);
      await flushParts(target.parts);
      return [...copied.values()];
    } finally {
      await closeProject(target, {});
    }
  }

  /** Nothing may be in the new log that the migration did not put there. */
  async #mayBegin(target: OpenProject): Promise<void> {
    const { project, to } = this.#options;
    if (this.#journal().opened) return;
    for (const source of project.sources) {
      const ends = await target.stores.log.ends(topicOf(source));
      if (ends.some(({ end }) => end > 0))
        throw fail('MIGRATE_TARGET', { found: `events of ${source.name} in its log` });
    }
    writeJournal(to.directory, { ...this.#journal(), opened: true });
  }

  async #copySource(history: OfflineStore, source: EventSourceData, target: OpenProject): Promise<number> {
    const { to, from } = this.#options;
    const topic = topicOf(source);
    const upTo = await publishedUpTo(history, source);
    const place = this.#journal().copied[topic] ?? (await this.#firstPlace(history, source));
    let unpublished = 0;
    return copyDeliveries({
      source,
      history,
      log: target.stores.log,
      place,
      atOnce: COPIED_AT_ONCE,
      replay: async (_, deliveries) => {
        await target.features.replay(source, deliveries);
        unpublished += deliveries.length;
      },
      keep: async (kept) => {
        writeJournal(to.directory, { ...this.#journal(), copied: { ...this.#journal().copied, [topic]: kept } });
        this.#tell(`${source.name}: ${sum(kept.next)} of ${sum(upTo)} deliveries of ${from.directory} copied`);
        if (unpublished < PUBLISHED_AFTER) return;
        unpublished = 0;
        await flushParts(target.parts);
      },
    });
  }

  async #firstPlace(history: OfflineStore, source: EventSourceData): Promise<CopyPlace> {
    const { from, to } = this.#options;
    const firsts = await firstOffsets(history, source);
    const next = Array.from({ length: from.partitions }, (_, partition) => firsts.get(partition) ?? 0);
    return { next, ends: Array.from({ length: to.partitions }, () => 0) };
  }

  async #lostOf(history: OfflineStore, source: EventSourceData): Promise<number> {
    return sum([...(await firstOffsets(history, source)).values()]);
  }

  /** Waits until the tiles of another engine have every delivery. Error: MIGRATE_BEHIND. */
  async #untilTiles(target: OpenProject): Promise<void> {
    const { project } = this.#options;
    const { intake } = target.features.facts;
    if (intake === null) return;
    const sources = new Set(streamViewsOf(project).map(({ source }) => source));
    const behind = async () => {
      let missing = 0;
      for (const source of sources) {
        const done = intake.progress.done.get(source.name) ?? [];
        const ends = await target.stores.log.ends(topicOf(source));
        // Of partitions that have nothing the engine says nothing.
        missing += sum(ends.map(({ begin, end }, p) => (end > begin ? Math.max(0, end - (done[p] ?? 0)) : 0)));
      }
      return missing;
    };
    await untilNoneBehind(behind, TILES_WITHIN_MS, (now) => this.#tell(`${now} deliveries are not in the tiles yet`));
  }

  async #compareAmidEvents(history: OfflineStore): Promise<Compared> {
    const { project, clock } = this.#options;
    const questions = await streamQuestions(project, history, COMPARED);
    const views = streamViewsOf(project);
    const copied = this.#journal().copied;
    return this.#withReaders(async (before, after) => {
      const at = clock();
      let asked = questions;
      let differences: readonly Difference[] = [];
      let moving = 0;
      for (let look = 0; look < LOOKS; look += 1) {
        differences = await compareAnswers(asked, before, after, clock());
        if (differences.length === 0) break;
        // Newer deliveries of the old environment are in its answers, and in its history soon.
        await this.#untilPublished(history);
        const since = await keysSince(views, history, ({ source }) => copied[topicOf(source)]?.next ?? []);
        const still = [...new Set(differences.map(({ question }) => question))];
        asked = still.filter(({ of }) => of === null || since.get(of.view)?.has(of.key) !== true);
        moving += still.length - asked.length;
        if (asked.length === 0) break;
        this.#tell(`${asked.length} answers differ; they are asked for again`);
      }
      const real = differences.filter(({ question }) => asked.includes(question));
      if (asked.length > 0) this.#mustBeEqual(real, questions.length);
      return { at, answers: questions.length, moving };
    });
  }

  async #compareAll(history: OfflineStore): Promise<Compared> {
    const { project, clock } = this.#options;
    const questions = [
      ...(await streamQuestions(project, history, COMPARED)),
      ...(await otherQuestions(project, history, COMPARED)),
    ];
    return this.#withReaders(async (before, after) => {
      const at = clock();
      this.#mustBeEqual(await compareAnswers(questions, before, after, at), questions.length);
      return { at, answers: questions.length, moving: 0 };
    });
  }

  #mustBeEqual(differences: readonly Difference[], asked: number): void {
    const [first] = differences;
    if (first === undefined) return;
    for (const difference of differences.slice(0, 10)) this.#tell(differenceText(difference));
    const differing = new Set(differences.map(({ question }) => question)).size;
    throw fail('MIGRATE_DIFFERS', { asked, differing, example: differenceText(first) });
  }

  /** Waits until the old environment has published once more, or would have had it anything. */
  async #untilPublished(history: OfflineStore): Promise<void> {
    const { from, project } = this.#options;
    const positions = async () =>
      JSON.stringify(await Promise.all(project.sources.map((s) => publishedUpTo(history, s))));
    const known = await positions();
    if (isIdle(from)) return;
    const end = performance.now() + PUBLISHED_WITHIN_MS;
    while (performance.now() < end) {
      await sleep(POLL_MS);
      await history.refresh();
      if ((await positions()) !== known) return;
    }
  }

  async #withReaders<T>(work: (before: Reader, after: Reader) => Promise<T>): Promise<T> {
    const { project, from, to, clock, onFault } = this.#options;
    const asked = withViewServices(project);
    const opened: Reader[] = [];
    try {
      for (const environment of [from, to]) {
        // Nothing of it is logged or traced: no user asked.
        const quiet = { ...environment, sampleRate: 0, traces: {} };
        opened.push(await Reader.openMigrating(asked, quiet, clock, onFault, 'migration-'));
      }
      return await work(opened[0], opened[1]);
    } finally {
      for (const reader of opened) await reader.close();
    }
  }

  /** Copies what does not follow from events between environments that nobody else has open. */
  async #copyState(history: OfflineStore, from: Environment, to: Environment): Promise<readonly CopiedTable[]> {
    const { project, onFault } = this.#options;
    const stores = await openStores(project, to, onFault, () => undefined);
    const closing = closingWithin(Number.POSITIVE_INFINITY);
    let tables: readonly CopiedTable[];
    try {
      tables = await copyTables(history, stores.offline);
      for (const view of project.views)
        if (view.kind === 'batchView') await serveKept(view, stores.online, stores.offline);
    } finally {
      await closeStores(stores, closing);
    }
    if (closing.failure !== null) throw closing.failure;
    await copyModels(from, to);
    return tables;
  }

  /** Brings the deliveries of the new environment to the old one. */
  async #return(): Promise<readonly CopiedSource[]> {
    const { project, from, to } = this.#options;
    await this.#publish(to, 'MIGRATE_TARGET_RUNS');
    const history = await openHistory(to);
    try {
      const source = await this.#openProject(from, 'MIGRATE_SOURCE_RUNS');
      const returned: CopiedSource[] = [];
      try {
        for (const each of project.sources)
          returned.push({ source: each.name, deliveries: await this.#returnSource(history, each, source), lost: 0 });
        await flushParts(source.parts);
      } finally {
        await closeProject(source, {});
      }
      await this.#copyState(history, to, from);
      return returned;
    } finally {
      await history.close();
    }
  }

  async #returnSource(history: OfflineStore, source: EventSourceData, old: OpenProject): Promise<number> {
    const { from, to } = this.#options;
    const topic = topicOf(source);
    const upTo = sum(await publishedUpTo(history, source));
    const known = readMoved(from.directory)?.returned?.[topic];
    const place = known ?? {
      next: this.#journal().copied[topic]?.ends ?? Array.from({ length: to.partitions }, () => 0),
      ends: (await old.stores.log.ends(topic)).map(({ end }) => end),
    };
    const keep = async (kept: CopyPlace) => {
      const moved = readMoved(from.directory);
      if (moved === null) throw fail('MIGRATE_NONE', { directory: to.directory });
      writeMoved(from.directory, { ...moved, returned: { ...moved.returned, [topic]: kept } });
      this.#tell(`${source.name}: ${sum(kept.next)} of ${upTo} deliveries are in the old environment`);
    };
    if (known === undefined) await keep(place);
    return copyDeliveries({
      source,
      history,
      log: old.stores.log,
      place,
      keep,
      replay: (_, deliveries) => old.features.replay(source, deliveries),
      // Where several partitions become one, all of them are in one order of their ingest times.
      atOnce: from.partitions === to.partitions ? COPIED_AT_ONCE : Number.POSITIVE_INFINITY,
    });
  }

  /** Has an environment publish whatever it took; no process may have it open. */
  async #publish(environment: Environment, code: 'MIGRATE_SOURCE_RUNS' | 'MIGRATE_TARGET_RUNS'): Promise<void> {
    const opened = await this.#openProject(environment, code);
    try {
      await flushParts(opened.parts);
    } finally {
      await closeProject(opened, {});
    }
  }

  async #openProject(
    environment: Environment,
    code: 'MIGRATE_SOURCE_RUNS' | 'MIGRATE_TARGET_RUNS',
  ): Promise<OpenProject> {
    const { project, clock, onFault } = this.#options;
    try {
      return await openProject({ project, environment, clock, onFault });
    } catch (error) {
      if (!LOCKED.some((locked) => isHeadraceError(error, locked))) throw error;
      throw fail(code, { directory: environment.directory }, error);
    }
  }

  async #withHistory<T>(work: (history: OfflineStore) => Promise<T>): Promise<T> {
    const history = await openHistory(this.#options.from);
    try {
      return await work(history);
    } finally {
      await history.close();
    }
  }

  #tell(line: string): void {
    this.#options.tell(line);
  }
}

const LOCKED = ['LOG_LOCKED', 'OFFLINE_LOCKED', 'STORE_LOCKED'] as const;

/** Whether no process writes an environment. */
function isIdle(environment: Environment): boolean {
  try {
    holdEnvironment(environment).release();
    return true;
  } catch (error) {
    if (!isHeadraceError(error, 'MIGRATE_SOURCE_RUNS')) throw error;
    return false;
  }
}

/** A service that two environments share although each needs its own; null: none. */
function sharedPlace(from: Environment, to: Environment): string | null {
  if (resolve(from.directory) === resolve(to.directory)) return `the directory ${from.directory}`;
  if (from.namespace !== to.namespace) return null;
  const places = [from, to].map((of) => [...onlineOf(of).addresses, ...logOf(of).addresses]);
  const shared = places[0].find((place) => places[1].includes(place));
  return shared === undefined ? null : `the namespace ${from.namespace} at ${shared}`;
}

function streamViewsOf({ views }: ProjectData): readonly StreamViewData[] {
  return views.filter((view): view is StreamViewData => view.kind === 'streamView');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
