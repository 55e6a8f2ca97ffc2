import { stat } from 'node:fs/promises';
import { fail, isHeadraceError } from '../../../base/errors/fail.ts';
import { reasonOf } from '../../../base/reason-of.ts';
import { wholeFile } from '../../../files/packed-file.ts';
import { linesOf } from '../../../gpu/readers/csv.ts';
import { parseInterruptionFlags } from './interruption-flags.ts';
import { parseNodeEvents, parseReconfigurations } from './node-events.ts';
import type { ReadTraceOptions, SpotTrace } from './spot-trace.ts';
import { type ParsedTrace, parseTickCounts } from './tick-counts.ts';
import { parseStepCounts, parseVmCounts } from './timed-counts.ts';

const LARGEST = 64 * 2 ** 20;

/** Reads a trace file, gzip or not. Errors: COST_FILE, FILE_DAMAGED and those of `parseSpotTrace`. */
export async function readSpotTrace(path: string, options: ReadTraceOptions = {}): Promise<SpotTrace> {
  return parseSpotTrace(path, await textOf(path), options);
}

/** The text of a file of at most 64 MiB, unpacked. Errors: COST_FILE, FILE_DAMAGED. */
async function textOf(path: string): Promise<string> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw fail('COST_FILE', { path, reason: 'it is no regular file' });
    return (await wholeFile(path, LARGEST)).toString('utf8');
  } catch (error) {
    if (isHeadraceError(error)) throw error;
    const reason = reasonOf(error).split(',')[0] ?? '';
    throw fail('COST_FILE', { path, reason }, error);
  }
}

/**
 * Parses a trace of any family, recognised by its first line. Pure; `path` gives name, date and hardware.
 * Errors: COST_TRACE, COST_TRACE_POLARITY, COST_TRACE_TWIN, COST_TRACE_UNIT, COST_TRACE_DISORDER.
 */
export function parseSpotTrace(path: string, text: string, options: ReadTraceOptions = {}): SpotTrace {
  const { gapS } = options;
  if (gapS !== undefined && !(Number.isInteger(gapS) && gapS >= 1 && gapS <= 86_400))
    throw fail('COST_TRACE', { path, reason: `${gapS} is no whole number of seconds from 1 to 86,400` });
  const parsed = parsedBy(path, text, options);
  const name = path.replaceAll('\\', '/').split('/').slice(-2).join('/').replace(/\.gz$/, '');
  return { ...parsed, name, startMs: parsed.startMs ?? dateInPath(path), hardware: hardwareIn(name) };
}

function parsedBy(path: string, text: string, options: ReadTraceOptions): ParsedTrace {
  if (/^\s*\{/.test(text)) return parseTickCounts(path, text, options);
  const lines = linesOf(text).filter((line) => line.trim() !== '');
  const first = lines[0]?.trim() ?? '';
  if (first === '') throw fail('COST_TRACE', { path, reason: 'it is empty' });
  if (/^\d+,\d{4}-\d\d-\d\dT[^,]{1,40},/.test(first)) return parseInterruptionFlags(path, lines, options);
  if (options.polarity === 'unavailable')
    throw fail('COST_TRACE_TWIN', { path, reason: 'its lines count running instances' });
  if (first.startsWith('[')) return parseReconfigurations(path, lines, options);
  if (/^[\d.]+,(?:add|remove),/.test(first)) return parseNodeEvents(path, lines, options);
  if (/^\d{4}-\d\d-\d\d,/.test(first)) return parseVmCounts(path, lines, options);
  if (/^[\d.]+,\d+$/.test(first)) return parseStepCounts(path, lines, options);
  throw fail('COST_TRACE', { path, reason: 'its first line has none of the known forms' });
}

/** A date such as `08-03-2023` or `2022-11-28T22-23` in the names of folders. */
function dateInPath(path: string): number | null {
  const american = /(?:^|\D)(\d\d)-(\d\d)-(\d{4})(?=\D|$)/.exec(path);
  const iso = /(?:^|\D)(\d{4}-\d\d-\d\d)(?=\D|$)/.exec(path);
  const at = Date.parse(american === null ? (iso?.[1] ?? '') : `${american[3]}-${american[1]}-${american[2]}`);
  return Number.isNaN(at) ? null : at;
}

function hardwareIn(name: string): string | null {
  return (
    /(?:^|[^a-z])(v100|k80|a100|h100|p2|p3|p4d|p5|g4dn|g5|c3-\d+|intel_\d+)(?=[^a-z]|x\d|$)/i.exec(name)?.[1] ?? null
  );
}
