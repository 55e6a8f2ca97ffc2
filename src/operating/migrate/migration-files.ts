import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { replaceFile } from '../../files/replace-file.ts';

/** The file of a migration in the directory that the project moves to. */
export const JOURNAL_FILE = 'migration.json';

/** The file that says in a directory that the project has left it. */
const MOVED_FILE = 'moved.json';

/*
 * migration.json, in the new directory:
 *
 *   { "format": 1, "from": ".headrace/shop", "begunAt": 1700000000000, "opened": true, "movedAt": null, "returnedAt": null,
 *     "copied": { "clicks@1": { "next": [120, 118], "ends": [120, 118] } } }
 *
 * `copied` says by topic which offsets of the old log come next, and where the partitions of the new log ended when those before
 * were all there. moved.json, in the old one:
 *
 *   { "format": 1, "to": ".headrace/shop-kafka", "at": 1700000000000,
 *     "returned": { "clicks@1": { "next": [131, 125], "ends": [120, 118] } } }
 *
 * `returned` says the same of the way back; null until that begins.
 */
const place = z.strictObject({ next: z.array(z.int().min(0)), ends: z.array(z.int().min(0)) });
const places = z.record(z.string(), place);
const instant = z.number();

const journalSchema = z.strictObject({
  format: z.literal(1),
  from: z.string(),
  begunAt: instant,
  opened: z.boolean(),
  movedAt: instant.nullable(),
  returnedAt: instant.nullable(),
  copied: places,
});
const movedSchema = z.strictObject({ format: z.literal(1), to: z.string(), at: instant, returned: places.nullable() });

/** How far the deliveries of a topic are copied: the next offsets of the old log, and the ends of the new one with those before. */
export type CopyPlace = Readonly<z.output<typeof place>>;

/**
 * The state of a migration. `opened`: the services of the new environment were empty under its names, so their data is the
 * migration's. `movedAt`: the time from which the new environment accepts events; `returnedAt`: the old one again.
 */
export type Journal = Readonly<z.output<typeof journalSchema>>;

/** That a project has left a directory. */
export type Moved = Readonly<z.output<typeof movedSchema>>;

/** The migration into a directory; null where there is none. Error: MIGRATE_FILE. */
export function readJournal(directory: string): Journal | null {
  return read(join(directory, JOURNAL_FILE), journalSchema);
}

/** Notes how a migration stands; durable on return. */
export function writeJournal(directory: string, journal: Journal): void {
  write(join(directory, JOURNAL_FILE), journal);
}

/** Where the project of a directory has gone; null: it is there. Error: MIGRATE_FILE. */
export function readMoved(directory: string): Moved | null {
  return read(join(directory, MOVED_FILE), movedSchema);
}

/** Notes that a project has left a directory; durable on return. */
export function writeMoved(directory: string, moved: Moved): void {
  write(join(directory, MOVED_FILE), moved);
}

/** The project is back. */
export function removeMoved(directory: string): void {
  rmSync(join(directory, MOVED_FILE), { force: true });
}

/** Refuses to open a directory for events that the project has left, or does not take any in yet. Errors: MIGRATE_MOVED, MIGRATE_UNFINISHED. */
export function checkMigration(directory: string): void {
  checkNotMoved(directory);
  const journal = readJournal(directory);
  if (journal !== null && (journal.movedAt === null || journal.returnedAt !== null))
    throw fail('MIGRATE_UNFINISHED', { directory, from: journal.from });
}

/** Refuses to read a directory that the project has left. Error: MIGRATE_MOVED. */
export function checkNotMoved(directory: string): void {
  const moved = readMoved(directory);
  if (moved !== null) throw fail('MIGRATE_MOVED', { directory, to: moved.to });
}

function read<S extends z.ZodType>(path: string, schema: S): z.output<S> | null {
  if (!existsSync(path)) return null;
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw fail('MIGRATE_FILE', { path, reason: reasonOf(error) }, error);
  }
}

function write(path: string, content: unknown): void {
  try {
    replaceFile(path, `${JSON.stringify(content)}\n`);
  } catch (error) {
    const reason = reasonOf(error);
    throw fail('CONFIG_DIRECTORY', { directory: path, reason }, error);
  }
}
