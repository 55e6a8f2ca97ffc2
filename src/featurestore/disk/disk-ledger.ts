import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { compareText } from '../../base/text-order.ts';
import { replaceFile } from '../../files/replace-file.ts';

/** The parts of disk space: the log, and the tables of the history by the first part of their names. */
export const DISK_PARTS = ['log', 'events', 'tiles', 'batch', 'served', 'predictions', 'monitoring'] as const;
export type DiskPart = (typeof DISK_PARTS)[number];
export type PartBytes = Readonly<Record<DiskPart, number>>;

/** Bytes that one UTC day has added. */
export interface DiskDay {
  /** Records of the log. */
  records: number;
  readonly bytes: Record<DiskPart, number>;
}

const DAY_MS = 86_400_000;
const KEPT_DAYS = 8;

/*
 * disk.json, written at every flush; what it counts is of the stores, and it is lost without harm:
 *
 *   { "format": 1, "ends": { "purchases@1": [1200, 1180] },
 *     "days": { "2026-01-31": { "records": 2380, "bytes": { "log": 190400, "events": 71400, … } } } }
 */
const bytesSchema = z.record(z.enum(DISK_PARTS), z.number().nonnegative());
const fileSchema = z.strictObject({
  format: z.literal(1),
  ends: z.record(z.string(), z.array(z.int().nonnegative())),
  days: z.record(z.iso.date(), z.strictObject({ records: z.number().nonnegative(), bytes: bytesSchema })),
});

/** Bytes that each of the newest days has added to log and history; kept over restarts. */
export class DiskLedger {
  /** Offsets up to which the log's topics are counted. */
  readonly ends = new Map<string, readonly number[]>();
  readonly #path: string;
  readonly #days = new Map<string, DiskDay>();

  constructor(path: string, onFault: (error: unknown) => void) {
    this.#path = path;
    if (!existsSync(path)) return;
    try {
      const { ends, days } = fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
      for (const [topic, offsets] of Object.entries(ends)) this.ends.set(topic, offsets);
      for (const [day, { records, bytes }] of Object.entries(days)) this.#days.set(day, { records, bytes });
    } catch (error) {
      onFault(fail('DISK_LEDGER', { path, reason: reasonOf(error) }, error));
    }
  }

  /** The day of an instant. */
  day(at: number): DiskDay {
    const name = dayOf(at);
    let day = this.#days.get(name);
    if (day === undefined) {
      day = { records: 0, bytes: nothing() };
      this.#days.set(name, day);
    }
    return day;
  }

  /** Writes it, without the days that are long over. */
  write(): void {
    for (const old of [...this.#days.keys()].sort(compareText).slice(0, -KEPT_DAYS)) this.#days.delete(old);
    const file = { format: 1, ends: Object.fromEntries(this.ends), days: Object.fromEntries(this.#days) };
    replaceFile(this.#path, `${JSON.stringify(file)}\n`);
  }
}

/** No bytes of any part. */
export function nothing(): Record<DiskPart, number> {
  return { log: 0, events: 0, tiles: 0, batch: 0, served: 0, predictions: 0, monitoring: 0 };
}

/** The part that a table of the history belongs to; an unknown table belongs to events. */
export function partOf(table: string): DiskPart {
  const [area] = table.split('/');
  // Profiles stand for served vectors.
  if (area === 'profiles') return 'served';
  return DISK_PARTS.find((part) => part === area && part !== 'log') ?? 'events';
}

/** When the day after that of an instant begins, epoch ms. */
export function nextDay(at: number): number {
  return (Math.floor(at / DAY_MS) + 1) * DAY_MS;
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
