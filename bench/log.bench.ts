import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEventLog } from '../src/backends/embedded/log/event-log.ts';
import type { LogRecord } from '../src/ports/event-log.ts';
import { printFigure } from './figure.ts';
import { measureRates } from './measure.ts';

/**
 * A million deliveries of about 60 bytes appended 500 at a time, and read back 2,000 at a time from the disk. The
 * yardstick of appending writes the same bytes with bare fs.writeSync, in writes of the same size, which encodes nothing.
 */
const RECORDS = 1_000_000;
const AT_ONCE = 500;
const READ_AT_ONCE = 2_000;

const directory = mkdtempSync(join(tmpdir(), 'bench-log-'));
const batches = Array.from({ length: RECORDS / AT_ONCE }, (_, b) =>
  Array.from({ length: AT_ONCE }, (__, i) => recordAt(b * AT_ONCE + i)),
);
const frames = encodedFrames();
let runs = 0;

const rates = await measureRates(
  { append: { operations: RECORDS, run: append }, write: { operations: RECORDS, run: write } },
  { warmUps: 1, rounds: 5 },
);
printFigure({
  name: 'records of 60 bytes appended to the log, 500 at once, for the process',
  unit: 'records/s',
  value: rates.append,
  yardstick: 'fs.writeSync of the same bytes',
  yardstickValue: rates.write,
  aim: { of: 'value', atLeast: 1_000_000 },
});

const path = join(directory, 'read');
appendAll(path);
const { read } = await measureRates({ read: { operations: RECORDS, run: readBack } }, { warmUps: 1, rounds: 5 });
printFigure({
  name: 'records read back from the log, 2,000 at once',
  unit: 'records/s',
  value: read,
  yardstick: null,
  yardstickValue: null,
  aim: { of: 'value', atLeast: 1_000_000 },
});
rmSync(directory, { recursive: true, force: true });

function recordAt(i: number): LogRecord {
  const payload = new Uint8Array(40).fill(i & 255);
  return { id: `event-${i}`, ts: 1_000_000_000_000 + i * 1_000, ingestTs: 1_000_000_000_000 + i, payload };
}

function append(): void {
  runs += 1;
  const at = join(directory, `append-${runs}`);
  appendAll(at);
  rmSync(at, { recursive: true });
}

function appendAll(at: string): void {
  const log = openEventLog({ path: at, durability: 'process' });
  void log.openTopic('t', 1);
  for (const batch of batches) void log.append('t', 0, batch);
  void log.close();
}

function write(): void {
  const at = join(directory, 'bare');
  const file = openSync(at, 'w');
  for (const frame of frames) writeSync(file, frame);
  closeSync(file);
  rmSync(at);
}

async function readBack(): Promise<void> {
  const log = openEventLog({ path, durability: 'process' });
  await log.openTopic('t', 1);
  for (let offset = 0; offset < RECORDS; ) {
    offset += (await log.read('t', 0, offset, READ_AT_ONCE)).records.length;
  }
  await log.close();
}

/** The bytes of the log, cut into writes of one append each. */
function encodedFrames(): readonly Uint8Array[] {
  const at = join(directory, 'frames');
  appendAll(at);
  const folder = join(at, 'topics', 't', '0');
  const bytes = Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))));
  rmSync(at, { recursive: true });
  const size = Math.ceil(bytes.length / batches.length);
  return batches.map((_, i) => bytes.subarray(i * size, (i + 1) * size));
}
