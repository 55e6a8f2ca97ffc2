import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { fail } from '../../base/errors/fail.ts';
import { gpuKinds, hostKinds, type Trace, TraceBuilder } from '../trace/trace.ts';

/** At most this many rows are read from one table; omitted rows are reported. */
const MOST_ROWS = 20_000_000;
/** A row takes more bytes than this in the file, without its texts. Pages that refer to each other would have more rows than bytes. */
const ROW_BYTES = 4;

/** `copyKind` and memory kinds of CUPTI. */
const copyKinds: Readonly<Record<number, string>> = { 1: 'HtoD', 2: 'DtoH', 8: 'DtoD', 10: 'PtoP' };
const memoryKinds: Readonly<Record<number, string>> = {
  0: 'Pageable',
  1: 'Pinned',
  2: 'Device',
  3: 'Array',
  4: 'Managed',
};

/** Times beyond this are damage; nanoseconds since 1970 are 1.8e18. */
const LONGEST_NS = 4e18;

const stepName = /^(ProfilerStep#|iteration[ _:#]*|iter[ _:#]*|step[ _:#]*)\d+$/i;

type Row = Record<string, unknown>;

/**
 * Reads the SQLite file that `nsys export --type sqlite` writes, of any schema version: tables and columns are used where
 * they are. Times are nanoseconds there, microseconds here. Tables about the environment (TARGET_INFO_SYSTEM_ENV,
 * PROCESSES, ANALYSIS_*), which hold user names and secrets, are never read. Of a hostile file no more is read than its length
 * can hold: it is refused or cut short, whatever its pages refer to. Errors: GPU_DAMAGED.
 */
export function readNsysSqlite(path: string): Trace {
  let database: DatabaseSync | undefined;
  try {
    const url = pathToFileURL(path);
    // Nothing is written next to the file, whatever its header says about a journal.
    url.searchParams.set('immutable', '1');
    database = new DatabaseSync(url, { readOnly: true, allowExtension: false });
    return new NsysExport(database, statSync(path).size).read();
  } catch (error) {
    if (error instanceof Error && error.name === 'HeadraceError') throw error;
    throw fail('GPU_DAMAGED', { kind: 'Nsight Systems export', reason: 'it is no whole SQLite file' }, error);
  } finally {
    database?.close();
  }
}

class NsysExport {
  readonly #database: DatabaseSync;
  readonly #fileBytes: number;
  readonly #trace = new TraceBuilder();
  readonly #columns = new Map<string, ReadonlySet<string>>();
  readonly #strings = new Map<number, number>();
  readonly #threads = new Map<string, number>();
  readonly #processes = new Map<number, number>();
  /** Whether kernels tell their process, so that correlations can be joined within it. */
  #perProcess = false;

  constructor(database: DatabaseSync, fileBytes: number) {
    this.#database = database;
    this.#fileBytes = fileBytes;
    // Views and virtual tables are not looked at: they could run for ever.
    const tables = database
      .prepare(
        "select name from sqlite_master where type = 'table' and sql not like 'create virtual%' and (name like 'CUPTI_ACTIVITY_KIND_%' or name in ('StringIds', 'NVTX_EVENTS', 'TARGET_INFO_GPU', 'META_DATA_EXPORT', 'DIAGNOSTIC_EVENT'))",
      )
      .all();
    for (const { name } of tables) {
      const columns = database.prepare('select name from pragma_table_info(?)').all(text(name));
      this.#columns.set(text(name), new Set(columns.map((column) => text(column['name']))));
    }
  }

  read(): Trace {
    if (!this.#columns.has('StringIds') || ![...this.#columns.keys()].some((name) => name.startsWith('CUPTI_')))
      throw fail('GPU_DAMAGED', { kind: 'Nsight Systems export', reason: 'it has no CUPTI tables' });
    this.#perProcess =
      this.#has('CUPTI_ACTIVITY_KIND_KERNEL', 'globalPid') && this.#has('CUPTI_ACTIVITY_KIND_RUNTIME', 'globalTid');
    for (const { id, value } of this.#rows('StringIds', ['id'], ['value']))
      this.#strings.set(number(id), this.#trace.names.of(text(value)));
    this.#devices();
    this.#kernels();
    this.#copies();
    this.#memsets();
    this.#runtime();
    this.#ranges();
    for (const _ of this.#rows('DIAGNOSTIC_EVENT', [])) this.#trace.fault('profiler messages');
    this.#trace.events = this.#trace.gpu.length + this.#trace.host.length;
    return this.#trace.build('nsys');
  }

  #has(table: string, column: string): boolean {
    return this.#columns.get(table)?.has(column) ?? false;
  }

  /**
   * The rows of a table: `numbers` as numbers, `texts` as they are, null for columns that it does not have and for what is no
   * number. An expression may follow the name of a number. Rows are chosen here and not by SQLite, which would look for the
   * next one in a damaged file for as long as it takes.
   */
  *#rows(table: string, numbers: readonly string[], texts: readonly string[] = []): Iterable<Row> {
    const known = this.#columns.get(table);
    if (known === undefined) return;
    const columns = numbers.map((column) => {
      const [name = '', expression] = column.split(' := ');
      const needed = expression === undefined ? name : (/"(\w+)"/.exec(expression)?.[1] ?? name);
      // A whole number above 2^53 would be an error of its reading.
      const value = `iif(typeof("${needed}") in ('integer', 'real'), (${expression ?? `"${name}"`}) + 0.0, null)`;
      return known.has(needed) ? `${value} as "${name}"` : `null as "${name}"`;
    });
    const plain = texts.map((name) => (known.has(name) ? `"${name}"` : `null as "${name}"`));
    const statement = this.#database.prepare(`select ${[...columns, ...plain, '1'].join(', ')} from "${table}"`);
    let count = 0;
    let bytes = 0;
    for (const row of statement.iterate()) {
      count += 1;
      bytes += ROW_BYTES;
      for (const name of texts) bytes += lengthOf(row[name]);
      if (count > MOST_ROWS || bytes > this.#fileBytes) {
        this.#trace.fault('truncated');
        return;
      }
      yield row;
    }
  }

  #devices(): void {
    const rows = [...this.#rows('TARGET_INFO_GPU', ['id', 'computeMajor', 'smCount', 'totalMemory'], ['name'])];
    this.#trace.devices = rows.map((row) => ({
      id: number(row['id']),
      name: text(row['name']),
      computeMajor: numberOr(row['computeMajor'], 0),
      numSms: numberOr(row['smCount'], 0),
      memoryBytes: numberOr(row['totalMemory'], 0),
    }));
  }

  #kernels(): void {
    const columns = [
      'start',
      'end',
      'deviceId',
      'streamId',
      'correlationId',
      'shortName',
      'demangledName',
      'process := ("globalPid" >> 24) & 16777215',
    ];
    for (const row of this.#rows('CUPTI_ACTIVITY_KIND_KERNEL', columns)) {
      const name =
        this.#strings.get(numberOr(row['demangledName'], -1)) ?? this.#strings.get(numberOr(row['shortName'], -1)) ?? 0;
      this.#gpu(row, gpuKinds.kernel, name, Number.NaN);
    }
  }

  #copies(): void {
    const columns = [
      'start',
      'end',
      'deviceId',
      'streamId',
      'correlationId',
      'bytes',
      'copyKind',
      'srcKind',
      'dstKind',
      'process := ("globalPid" >> 24) & 16777215',
    ];
    for (const row of this.#rows('CUPTI_ACTIVITY_KIND_MEMCPY', columns)) {
      const kind = copyKinds[numberOr(row['copyKind'], -1)] ?? 'other';
      const from = memoryKinds[numberOr(row['srcKind'], -1)];
      const to = memoryKinds[numberOr(row['dstKind'], -1)];
      const sides = from === undefined || to === undefined ? '' : ` (${from} -> ${to})`;
      this.#gpu(
        row,
        gpuKinds.memcpy,
        this.#trace.names.of(`Memcpy ${kind}${sides}`),
        numberOr(row['bytes'], Number.NaN),
      );
    }
  }

  #memsets(): void {
    const columns = [
      'start',
      'end',
      'deviceId',
      'streamId',
      'correlationId',
      'bytes',
      'process := ("globalPid" >> 24) & 16777215',
    ];
    const name = this.#trace.names.of('Memset');
    for (const row of this.#rows('CUPTI_ACTIVITY_KIND_MEMSET', columns))
      this.#gpu(row, gpuKinds.memset, name, numberOr(row['bytes'], Number.NaN));
  }

  #gpu(row: Row, kind: number, name: number, bytes: number): void {
    const times = this.#times(row);
    if (times === undefined) return;
    const { gpu } = this.#trace;
    const at = gpu.row();
    gpu.ts[at] = times.ts;
    gpu.dur[at] = times.dur;
    gpu.name[at] = name;
    gpu.kind[at] = kind;
    gpu.device[at] = numberOr(row['deviceId'], 0);
    gpu.stream[at] = numberOr(row['streamId'], -1);
    gpu.correlation[at] = this.#correlation(row);
    gpu.bytes[at] = bytes;
    gpu.bandwidth[at] = bytes / times.dur / 1000;
    gpu.blocksPerSm[at] = Number.NaN;
    gpu.occupancy[at] = Number.NaN;
  }

  #runtime(): void {
    const columns = [
      'start',
      'end',
      'correlationId',
      'nameId',
      'process := ("globalTid" >> 24) & 16777215',
      'thread := "globalTid" & 16777215',
    ];
    for (const row of this.#rows('CUPTI_ACTIVITY_KIND_RUNTIME', columns)) {
      const name = this.#strings.get(numberOr(row['nameId'], -1)) ?? 0;
      this.#host(row, hostKinds.runtime, this.#withoutVersion(name), this.#correlation(row));
    }
  }

  /** `cudaLaunchKernel_v7000` is `cudaLaunchKernel`. */
  #withoutVersion(name: number): number {
    const full = this.#trace.names.text(name);
    const plain = full.replace(/_v\d{4,}$/, '');
    return plain === full ? name : this.#trace.names.of(plain);
  }

  #ranges(): void {
    const columns = [
      'start',
      'end',
      'textId',
      'process := ("globalTid" >> 24) & 16777215',
      'thread := "globalTid" & 16777215',
    ];
    for (const row of this.#rows('NVTX_EVENTS', columns, ['text'])) {
      // A mark has no end.
      if (row['end'] === null) continue;
      const own = row['text'];
      const name =
        typeof own !== 'string'
          ? (this.#strings.get(numberOr(row['textId'], -1)) ?? 0)
          : this.#trace.names.of(text(own));
      const title = this.#trace.names.text(name);
      const times = this.#times(row);
      if (times === undefined) continue;
      if (stepName.test(title)) this.#trace.steps.push({ name: title, ...times, thread: this.#thread(row) });
      else this.#host(row, hostKinds.annotation, name, -1);
    }
  }

  #host(row: Row, kind: number, name: number, link: number): void {
    const times = this.#times(row);
    if (times === undefined) return;
    const { host } = this.#trace;
    const at = host.row();
    host.ts[at] = times.ts;
    host.dur[at] = times.dur;
    host.name[at] = name;
    host.kind[at] = kind;
    host.thread[at] = this.#thread(row);
    host.link[at] = link;
  }

  #times(row: Row): { ts: number; dur: number } | undefined {
    const start = numberOr(row['start'], Number.NaN);
    const end = numberOr(row['end'], Number.NaN);
    if (!(Math.abs(start) < LONGEST_NS) || !(Math.abs(end) < LONGEST_NS)) {
      this.#trace.fault('events without time');
      return undefined;
    }
    if (end < start) {
      this.#trace.fault('negative durations');
      return undefined;
    }
    return { ts: start / 1000, dur: (end - start) / 1000 };
  }

  /** Correlations are unique within a process. */
  #correlation(row: Row): number {
    const id = numberOr(row['correlationId'], -1);
    if (id < 0 || !this.#perProcess) return id;
    const process = numberOr(row['process'], 0);
    const index = this.#processes.get(process) ?? this.#processes.size;
    this.#processes.set(process, index);
    return index * 2 ** 32 + id;
  }

  #thread(row: Row): number {
    const key = `${numberOr(row['process'], 0)}/${numberOr(row['thread'], 0)}`;
    const index = this.#threads.get(key) ?? this.#threads.size;
    this.#threads.set(key, index);
    return index;
  }
}

function number(value: unknown): number {
  return numberOr(value, Number.NaN);
}

function numberOr(value: unknown, other: number): number {
  if (typeof value === 'number') return value;
  return typeof value === 'bigint' ? Number(value) : other;
}

function lengthOf(value: unknown): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : 0;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
