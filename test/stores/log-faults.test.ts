import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { logRecordAt } from '../../src/testing/contracts/event-log.ts';

const roots: string[] = [];

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

function newRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'log-'));
  roots.push(root);
  return root;
}

const TOPIC = 't';

/** A log of one partition with appends of 1, 2, 3, … records; gives its only segment and the offset behind each append. */
function writtenLog(appends: number, segmentBytes = 2 ** 20) {
  const path = newRoot();
  const log = openEventLog({ path, durability: 'process', segmentBytes });
  void log.openTopic(TOPIC, 1);
  const ends: number[] = [];
  let next = 0;
  for (let i = 1; i <= appends; i += 1) {
    void log.append(
      TOPIC,
      0,
      Array.from({ length: i }, (_, k) => logRecordAt(next + k)),
    );
    next += i;
    ends.push(next);
  }
  void log.close();
  const folder = join(path, 'topics', TOPIC, '0');
  const segments = readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
  return { path, segments, ends };
}

/** Opens the log, reads all of it and appends once more; what was cut off, what was there. */
function reopen(path: string) {
  let cut = 0;
  const log = openEventLog({
    path,
    durability: 'process',
    onCut: (_topic, _partition, bytes) => {
      cut += bytes;
    },
  });
  try {
    void log.openTopic(TOPIC, 1);
    const records = (log.read(TOPIC, 0, 0, 1_000_000) as { records: readonly unknown[] }).records;
    expect(records).toEqual(records.map((_, i) => logRecordAt(i)));
    expect(log.append(TOPIC, 0, [logRecordAt(records.length)])).toBe(records.length);
    return { cut, records: records.length };
  } finally {
    void log.close();
  }
}

test('a log cut at any byte of its last appends opens with every append before the cut, and continues', () => {
  const { path, segments, ends } = writtenLog(6);
  const [segment] = segments;
  const bytes = readFileSync(segment);
  const starts = frameStarts(bytes);
  for (let length = starts[3]; length <= bytes.length; length += 1) {
    writeFileSync(segment, bytes.subarray(0, length));
    const whole = starts.filter((start) => start <= length).length - 1;
    const { records, cut } = reopen(path);
    expect(records).toBe(whole === 0 ? 0 : ends[whole - 1]);
    expect(cut).toBe(length - starts[whole]);
  }
});

function frameStarts(bytes: Buffer): readonly number[] {
  const starts: number[] = [];
  let at = 0;
  for (; at < bytes.length; at += 12 + bytes.readUInt32LE(at + 4)) starts.push(at);
  return [...starts, at];
}

test('garbage behind the last append is cut off', () => {
  const { path, segments, ends } = writtenLog(5);
  appendFileSync(segments[0], Buffer.alloc(5_000));
  expect(reopen(path)).toEqual({ cut: 5_000, records: ends[4] });
});

test('a flipped bit is a torn end in the last append and LOG_CORRUPT before it, never another record', () => {
  const { path, segments, ends } = writtenLog(8);
  const [segment] = segments;
  const bytes = readFileSync(segment);
  const starts = frameStarts(bytes);
  const last = starts[starts.length - 2];
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
      const damaged = Buffer.from(bytes);
      damaged[at] ^= 1 << bit;
      writeFileSync(segment, damaged);
      if (at >= last) {
        expect(reopen(path).records).toBe(ends[ends.length - 2]);
        return;
      }
      try {
        reopen(path);
        expect.unreachable('the damage was not seen');
      } catch (error) {
        expect(isHeadraceError(error, 'LOG_CORRUPT')).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

test('damage in an older segment, and a missing one, is LOG_CORRUPT naming the file', () => {
  const { path, segments } = writtenLog(60, 4_000);
  expect(segments.length).toBeGreaterThan(3);
  const whole = newRoot();
  cpSync(path, whole, { recursive: true });
  truncateSync(segments[1], readFileSync(segments[1]).length - 1);
  expect(() => reopen(path)).toThrow(
    expect.objectContaining({ code: 'LOG_CORRUPT', facts: expect.objectContaining({ path: segments[1] }) }),
  );
  rmSync(segments[1].replace(path, whole));
  expect(() => reopen(whole)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }));
});

test('a full disk refuses the append by code and leaves the log as it was', () => {
  const full = '/dev/full';
  if (!existsSync(full)) return;
  // A file that takes nothing more: the shell's limit on file sizes, in its own process.
  const path = newRoot();
  const script = `
    import { openEventLog } from ${JSON.stringify(new URL('../../src/backends/embedded/log/event-log.ts', import.meta.url).pathname)};
    process.on('SIGXFSZ', () => {});
    const log = openEventLog({ path: ${JSON.stringify(path)}, durability: 'process' });
    log.openTopic('t', 1);
    const record = (i) => ({ id: 'e' + i, ts: i, ingestTs: i, payload: new Uint8Array(3000) });
    let i = 0;
    try { for (; i < 1000; i += 1) log.append('t', 0, [record(i)]); console.log('no error'); }
    catch (error) { console.log(error.code, log.ends('t')[0].end === i, log.read('t', 0, 0, 1000).records.length === i); }`;
  const file = join(path, 'full.mjs');
  writeFileSync(file, script);
  const output = execFileSync('bash', ['-c', `ulimit -f 200; exec "${process.execPath}" "${file}"`], {
    encoding: 'utf8',
  });
  expect(output.trim()).toBe('LOG_WRITE true true');
  void openEventLog({ path, durability: 'process' }).close();
});

test('a directory that cannot be used is LOG_WRITE', () => {
  const path = join(newRoot(), 'file');
  writeFileSync(path, 'not a directory');
  expect(() => openEventLog({ path, durability: 'process' })).toThrow(expect.objectContaining({ code: 'LOG_WRITE' }));
  chmodSync(path, 0o600);
});
