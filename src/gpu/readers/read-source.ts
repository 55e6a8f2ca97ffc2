import { createWriteStream } from 'node:fs';
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, gunzipSync } from 'node:zlib';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { Source } from '../source.ts';
import { parseClusterSummaries, parseIterations } from './cluster.ts';
import { parseDcgm } from './dcgm.ts';
import { parseDistributions, parseVariations } from './distribution.ts';
import { parseDmon, parsePmon } from './dmon.ts';
import { type FileKind, fileKindOf } from './format.ts';
import { kernelRowsOf, parseKernelSums, parseStatsText } from './kernel-sums.ts';
import { parseMegatronLog } from './megatron-log.ts';
import { parseMonitorLines } from './monitor-jsonl.ts';
import { parseNcclTests } from './nccl-tests.ts';
import { parseNcu } from './ncu.ts';
import { readNsysSqlite } from './nsys-sqlite.ts';
import { parseNodeCsv, parsePodCsv, parsePodList } from './pods.ts';
import { parseQueryGpu } from './query-gpu.ts';
import { parseSacct } from './sacct.ts';
import { readTraceFile } from './trace/read-trace.ts';

const HEAD = 2 ** 16;
/** Text files are read whole up to this size; traces and databases are not bounded. */
const LONGEST_TEXT = 256 * 2 ** 20;
const LARGEST_DATABASE = 64 * 2 ** 30;

/** Kinds that are read as one text. */
type TextKind = Exclude<FileKind, 'trace' | 'nsys-sqlite' | 'nsys-rep' | 'ncu-rep'>;

const parsers: Readonly<Record<TextKind, (path: string, text: string) => Source>> = {
  dmon: (path, text) => ({ kind: 'samples', path, series: parseDmon(text) }),
  pmon: (path, text) => ({ kind: 'processes', path, processes: parsePmon(text) }),
  'query-gpu': (path, text) => ({ kind: 'samples', path, series: parseQueryGpu(text) }),
  'monitor-jsonl': (path, text) => ({ kind: 'samples', path, series: parseMonitorLines(text) }),
  dcgm: (path, text) => ({ kind: 'dcgm', path, devices: parseDcgm(text) }),
  'ncu-csv': (path, text) => ({ kind: 'ncu', path, kernels: parseNcu(text) }),
  'nsys-kernel-csv': (path, text) => ({ kind: 'kernel-sums', path, kernels: parseKernelSums(text), tables: [] }),
  'nsys-stats-text': (path, text) => {
    const tables = parseStatsText(text);
    return { kind: 'kernel-sums', path, kernels: kernelRowsOf(tables), tables };
  },
  sacct: (path, text) => ({ kind: 'jobs', path, jobs: parseSacct(text) }),
  'pod-list': (path, text) => ({ kind: 'pods', path, pods: parsePodList(text) }),
  'pod-csv': (path, text) => ({ kind: 'pods', path, pods: parsePodCsv(text) }),
  'node-csv': (path, text) => ({ kind: 'nodes', path, nodes: parseNodeCsv(text) }),
  iterations: (path, text) => ({ kind: 'iterations', path, workers: parseIterations(text) }),
  variation: (path, text) => ({ kind: 'variation', path, jobs: parseVariations(text) }),
  'cluster-summary': (path, text) => ({ kind: 'clusters', path, clusters: parseClusterSummaries(text) }),
  'utilisation-cdf': (path, text) => ({ kind: 'distribution', path, metrics: parseDistributions(text) }),
  'nccl-tests': (path, text) => ({ kind: 'fabric', path, log: parseNcclTests(text) }),
  'megatron-log': (path, text) => ({ kind: 'log', path, iterations: parseMegatronLog(text) }),
};

/** Parses a text of a known kind; pure. */
export function parseText(kind: TextKind, path: string, text: string): Source {
  return parsers[kind](path, text);
}

/**
 * Reads one file, gzip or not, by what it holds.
 * Errors: GPU_FILE, GPU_FORMAT, GPU_BINARY_REPORT, GPU_NOT_A_TRACE, GPU_MEMORY_TIMELINE, GPU_FILE_TOO_LARGE, GPU_DAMAGED.
 */
export async function readSource(path: string): Promise<Source> {
  const { head, gzip, kind } = await look(path);
  switch (kind) {
    case undefined:
      throw fail('GPU_FORMAT', { path });
    case 'nsys-rep':
      throw fail('GPU_BINARY_REPORT', { tool: 'Nsight Systems', command: 'nsys export --type sqlite' });
    case 'ncu-rep':
      throw fail('GPU_BINARY_REPORT', { tool: 'Nsight Compute', command: 'ncu --import FILE --csv --page details' });
    case 'trace':
      return { kind: 'trace', path, trace: await readTraceFile(path, gzip) };
    case 'nsys-sqlite':
      return { kind: 'trace', path, trace: gzip ? await unpackedSqlite(path) : readNsysSqlite(path) };
    default:
      return parseText(kind, path, await wholeText(path, gzip, head));
  }
}

async function look(path: string): Promise<{ head: Uint8Array; gzip: boolean; kind: FileKind | undefined }> {
  try {
    const file = await open(path);
    try {
      const bytes = new Uint8Array(HEAD);
      const { bytesRead } = await file.read(bytes, 0, HEAD, 0);
      const raw = bytes.subarray(0, bytesRead);
      const gzip = raw[0] === 0x1f && raw[1] === 0x8b;
      const head = gzip ? unpackedHead(raw) : raw;
      return { head, gzip, kind: fileKindOf(head.subarray(0, HEAD)) };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isHeadraceError(error)) throw error;
    throw fail(
      'GPU_FILE',
      { path, reason: error instanceof Error ? error.message.replace(/,.*$/, '') : String(error) },
      error,
    );
  }
}

function unpackedHead(raw: Uint8Array): Uint8Array {
  try {
    return gunzipSync(raw, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 2 ** 27 });
  } catch (error) {
    throw fail('GPU_DAMAGED', { kind: 'gzip file', reason: 'it cannot be unpacked' }, error);
  }
}

async function wholeText(path: string, gzip: boolean, head: Uint8Array): Promise<string> {
  const { size } = await stat(path);
  if (size > LONGEST_TEXT) throw fail('GPU_FILE_TOO_LARGE', { path, limit: 1 });
  const raw = await readFile(path);
  if (!gzip) return new TextDecoder().decode(raw);
  try {
    return new TextDecoder().decode(gunzipSync(raw, { maxOutputLength: LONGEST_TEXT }));
  } catch (error) {
    if (error instanceof RangeError)
      throw fail('GPU_FILE_TOO_LARGE', { path, limit: Math.floor(LONGEST_TEXT / Math.max(size, 1)) }, error);
    return new TextDecoder().decode(head);
  }
}

/** node:sqlite reads files only: a packed one is unpacked beside the temporary files, and taken away again. */
async function unpackedSqlite(path: string) {
  const folder = await mkdtemp(join(tmpdir(), 'headrace-gpu-'));
  try {
    const file = join(folder, 'export.sqlite');
    let bytes = 0;
    const bounded = new Transform({
      transform(chunk: Uint8Array, _, done) {
        bytes += chunk.length;
        if (bytes > LARGEST_DATABASE) done(fail('GPU_FILE_TOO_LARGE', { path, limit: LARGEST_DATABASE }));
        else done(null, chunk);
      },
    });
    const source = await open(path);
    try {
      await pipeline(source.createReadStream(), createGunzip(), bounded, createWriteStream(file));
    } catch (error) {
      if (isHeadraceError(error)) throw error;
      throw fail('GPU_DAMAGED', { kind: 'gzip file', reason: 'it cannot be unpacked' }, error);
    }
    return readNsysSqlite(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
