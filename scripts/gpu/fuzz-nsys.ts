import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { type Random, randomBelow, seededRandom } from '../../src/base/rng.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { readNsysSqlite } from '../../src/gpu/readers/nsys-sqlite.ts';

const PAGE = 512;
/** One case that takes longer fails a run of this script. */
const LONGEST_MS = 5_000;
/** Planted wherever exports hold environments, users and command lines. */
export const SECRET = 'hunter2-token';

/** An export with all tables that are read, of several pages each, and an environment that must not be named. */
export function writeExport(path: string): void {
  const database = new DatabaseSync(path);
  const rows = Array.from({ length: 60 }, (_, at) => {
    const start = at * 20_000;
    return [
      `insert into CUPTI_ACTIVITY_KIND_KERNEL values (${start + 5000}, ${start + 15_000}, 0, 7, ${at}, 1, 2, 16777216);`,
      `insert into CUPTI_ACTIVITY_KIND_RUNTIME values (${start}, ${start + 4000}, ${at}, 3, 16777217);`,
      `insert into NVTX_EVENTS values (${start}, ${at % 3 === 0 ? 'null' : start + 19_000}, ${at % 2 === 0 ? "'forward'" : 'null'}, 4, 16777217);`,
      ...(at % 10 === 0
        ? [
            `insert into CUPTI_ACTIVITY_KIND_MEMCPY values (${start + 15_500}, ${start + 16_000}, 0, 7, ${at + 1000}, 4, 2, 2, 0, 16777216);`,
            `insert into CUPTI_ACTIVITY_KIND_MEMSET values (${start + 16_500}, ${start + 16_600}, 0, 7, ${at + 2000}, 4, 16777216);`,
          ]
        : []),
    ].join('\n');
  });
  database.exec(`pragma page_size = ${PAGE}; pragma journal_mode = off; pragma synchronous = off;
    create table StringIds (id integer primary key, value text);
    insert into StringIds values (1, 'void gemm<${'x'.repeat(700)}>'), (2, 'gemm'), (3, 'cudaLaunchKernel_v7000'), (4, 'ProfilerStep#1'), (5, '/home/${SECRET}/train.py'), (6, 'API_KEY=${SECRET}');
    create table CUPTI_ACTIVITY_KIND_KERNEL (start integer, "end" integer, deviceId integer, streamId integer, correlationId integer, demangledName integer, shortName integer, globalPid integer);
    create table CUPTI_ACTIVITY_KIND_MEMCPY (start integer, "end" integer, deviceId integer, streamId integer, correlationId integer, bytes integer, copyKind integer, srcKind integer, dstKind integer, globalPid integer);
    create table CUPTI_ACTIVITY_KIND_MEMSET (start integer, "end" integer, deviceId integer, streamId integer, correlationId integer, bytes integer, globalPid integer);
    create table CUPTI_ACTIVITY_KIND_RUNTIME (start integer, "end" integer, correlationId integer, nameId integer, globalTid integer);
    create table NVTX_EVENTS (start integer, "end" integer, text text, textId integer, globalTid integer);
    create table TARGET_INFO_GPU (id integer, name text, computeMajor integer, smCount integer, totalMemory integer);
    insert into TARGET_INFO_GPU values (0, 'NVIDIA A100', 8, 108, 85899345920);
    create table META_DATA_EXPORT (name text, value text); insert into META_DATA_EXPORT values ('EXPORT_SCHEMA_VERSION', '3.25.0');
    create table DIAGNOSTIC_EVENT (timestamp integer, text text); insert into DIAGNOSTIC_EVENT values (1, '${SECRET}');
    create table PROCESSES (globalPid integer, pid integer, name text); insert into PROCESSES values (16777216, 1, '/home/${SECRET}/bin/python --token ${SECRET}');
    create table ThreadNames (nameId integer, priority integer, globalTid integer); insert into ThreadNames values (5, 1, 16777217);
    create table ANALYSIS_DETAILS (globalVid integer, name text); insert into ANALYSIS_DETAILS values (1, '${SECRET}');
    create table ANALYSIS_FILE (id integer, filename text, content text); insert into ANALYSIS_FILE values (1, 'environment', 'TOKEN=${SECRET}');
    create table TARGET_INFO_SESSION_START_TIME (utcEpochNs integer, hostname text); insert into TARGET_INFO_SESSION_START_TIME values (1, '${SECRET}');
    create table PROFILER_OVERHEAD (start integer, "end" integer, nameId integer); insert into PROFILER_OVERHEAD values (1, 2, 6);
    create table TARGET_INFO_SYSTEM_ENV (name text, value text); insert into TARGET_INFO_SYSTEM_ENV values ('TOKEN', '${SECRET}');
    begin; ${rows.join('\n')} commit;`);
  database.close();
}

const values = ['null', "'text'", "x'00ff'", '-1', '9223372036854775807', '1e308', '-1e308', '0.5', "''", "'1e400'"];
const tables = [
  'StringIds',
  'CUPTI_ACTIVITY_KIND_KERNEL',
  'CUPTI_ACTIVITY_KIND_MEMCPY',
  'CUPTI_ACTIVITY_KIND_MEMSET',
  'CUPTI_ACTIVITY_KIND_RUNTIME',
  'NVTX_EVENTS',
  'TARGET_INFO_GPU',
];

/** Changes values or the schema by SQL: what another version, another tool or an ill-wisher would write. */
function changeBySql(database: DatabaseSync, random: Random): void {
  const pick = (list: readonly string[]) => list[randomBelow(random, list.length)] ?? '';
  const table = pick(tables);
  const columns = database.prepare('select name from pragma_table_info(?)').all(table);
  const column = String(columns[randomBelow(random, Math.max(columns.length, 1))]?.['name'] ?? 'id');
  const some = `rowid % ${1 + randomBelow(random, 5)} = 0`;
  const other = `other_${randomBelow(random, 1e9)}`;
  const changes = [
    `update "${table}" set "${column}" = ${pick(values)} where ${some}`,
    `update "${table}" set "${column}" = "${column}" * ${randomBelow(random, 2000) - 1000} where ${some}`,
    `delete from "${table}" where ${some}`,
    `insert into "${table}" select * from "${table}" where ${some}`,
    `alter table "${table}" rename column "${column}" to "${other}"`,
    `alter table "${table}" drop column "${column}"`,
    `alter table "${table}" add column "${other}" text default 'x'`,
    `alter table "${table}" rename to "${other}"`,
    `drop table "${table}"`,
    `alter table "${table}" rename to "${other}"; create view "${table}" as with recursive n(i) as (select 1 union all select i + 1 from n) select i as start from n`,
    `drop table "${table}"; create table "${table}" (start generated always as (length(hex(zeroblob(1000000)))), "end" integer, id integer, value text); insert into "${table}" ("end", id, value) values (5, 1, 'k')`,
    `drop table "${table}"; create table "${table}" (id, value, start, "end", deviceId, correlationId, globalPid) without rowid`,
  ];
  try {
    database.exec(pick(changes));
  } catch {
    // A change that does not fit the schema any more changes nothing.
  }
}

/** Changes the bytes of a database file: bits, pages, pointers between pages, its length. */
function changeBytes(bytes: Buffer, random: Random): Buffer {
  const pages = Math.max(Math.floor(bytes.length / PAGE), 1);
  const page = () => randomBelow(random, pages) * PAGE;
  const at = randomBelow(random, bytes.length);
  switch (randomBelow(random, 8)) {
    case 0:
      bytes[at] = randomBelow(random, 256);
      return bytes;
    case 1:
      for (let count = 0; count < 40; count += 1) bytes[randomBelow(random, bytes.length)] = randomBelow(random, 256);
      return bytes;
    case 2:
      bytes[randomBelow(random, 100)] = randomBelow(random, 256);
      return bytes;
    case 3: {
      const [from, to] = [page(), page()];
      bytes.copy(bytes, to, from, from + PAGE);
      return bytes;
    }
    case 4: {
      const from = page();
      bytes.fill(0, from, Math.min(from + PAGE, bytes.length));
      return bytes;
    }
    case 5: {
      // A pointer to another page: cells of inner pages begin with one.
      const target = page() + 8 + randomBelow(random, PAGE - 12);
      if (target + 4 <= bytes.length) bytes.writeUInt32BE(1 + randomBelow(random, pages), target);
      return bytes;
    }
    case 6:
      return bytes.subarray(0, at);
    default:
      return Buffer.concat([bytes, bytes.subarray(page())]);
  }
}

/** What came of the cases: answers, coded refusals, and the longest time that one took. */
export interface NsysFuzz {
  readonly answers: number;
  readonly refusals: number;
  readonly longestMs: number;
}

/** Reads and diagnoses damaged exports; anything but an answer or a coded error is thrown. */
export function fuzzNsys(cases: number, firstSeed: number): NsysFuzz {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-nsys-fuzz-'));
  try {
    const seed = join(folder, 'seed.sqlite');
    const path = join(folder, 'case.sqlite');
    writeExport(seed);
    const whole = readFileSync(seed);
    const found = { answers: 0, refusals: 0, longestMs: 0 };
    for (let index = 0; index < cases; index += 1) {
      const random = seededRandom(firstSeed + index);
      if (random() < 0.3) {
        copyFileSync(seed, path);
        const database = new DatabaseSync(path);
        database.exec('pragma journal_mode = off; pragma synchronous = off; begin');
        for (let change = 1 + randomBelow(random, 3); change > 0; change -= 1) changeBySql(database, random);
        database.exec('commit');
        database.close();
      } else writeFileSync(path, whole);
      const damages = random() < 0.75;
      if (damages) {
        let bytes = readFileSync(path);
        for (let change = 1 + randomBelow(random, 3); change > 0 && bytes.length > 0; change -= 1)
          bytes = Buffer.from(changeBytes(bytes, random));
        writeFileSync(path, bytes);
      }
      const started = performance.now();
      if (answers(path, firstSeed + index, damages)) found.answers += 1;
      else found.refusals += 1;
      found.longestMs = Math.max(found.longestMs, performance.now() - started);
    }
    return found;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether a file is read and diagnosed; false if it is refused with a coded error. */
function answers(path: string, seed: number, damaged: boolean): boolean {
  try {
    const diagnosis = diagnose([{ kind: 'trace', path: 'export.sqlite', trace: readNsysSqlite(path) }]);
    for (const { shareOfStep, ceiling } of diagnosis.findings)
      if (
        (shareOfStep !== null && !(shareOfStep >= 0 && shareOfStep <= 1.0001)) ||
        (ceiling !== null && !(ceiling >= 1))
      )
        throw new Error(`a share of ${shareOfStep} or a ceiling of ${ceiling}`);
    // Pages that were exchanged may put any text anywhere.
    if (!damaged && JSON.stringify(diagnosis).includes(SECRET)) throw new Error('the environment is told');
    return true;
  } catch (error) {
    if (isHeadraceError(error)) return false;
    throw new Error(`nsys export, seed ${seed}: ${String(error)}`, { cause: error });
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const cases = Number(process.argv[2] ?? 100_000);
  const started = performance.now();
  const found = fuzzNsys(cases, Number(process.argv[3] ?? 1));
  const peakMb = process.resourceUsage().maxRSS / 1024;
  if (found.longestMs > LONGEST_MS) process.exitCode = 1;
  console.log(
    `nsys exports: ${cases} cases, ${found.answers} answers, ${found.refusals} coded refusals, ${((performance.now() - started) / 1000).toFixed(0)} s, the longest ${found.longestMs.toFixed(0)} ms, peak RSS ${peakMb.toFixed(0)} MB`,
  );
}
