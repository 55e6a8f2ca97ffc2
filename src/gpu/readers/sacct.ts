import { wholeLines } from './csv.ts';
import { elapsedSeconds, sacctColumns, slurmState } from './sacct-columns.ts';
import { stampMs } from './stamp.ts';

/** The number of rows that determine the columns. */
const ROWS_TO_TELL = 200;

/** One job as the scheduler recorded it; steps are not jobs. */
export interface JobRecord {
  readonly id: string;
  /** `COMPLETED`, `FAILED`, `CANCELLED`, `TIMEOUT`, … without its suffix. */
  readonly state: string;
  /** NaN if not recorded, as all numbers here. */
  readonly gpus: number;
  readonly seconds: number;
  /** Milliseconds since 1970; NaN if not recorded. */
  readonly startMs: number;
  readonly endMs: number;
  readonly eligibleMs: number;
  /** GPU-hours: gpus × seconds / 3600. */
  readonly gpuHours: number;
  /** Mean GPU utilisation in percent, where the accounting has it; else NaN. */
  readonly gpuUtil: number;
}

/** GPU-hours of GPUs held for a time; unknown where one of both is, and not the other 0. */
export function gpuHoursOf(gpus: number, seconds: number): number {
  if (gpus === 0 || seconds === 0) return 0;
  return gpus > 0 && seconds > 0 ? (gpus * seconds) / 3600 : Number.NaN;
}

/**
 * `sacct -P`, with a header or without (`-n`: columns are recognised by their contents). Rows of steps (`.batch`,
 * `.extern`, `.0`) repeat the allocation of their job and are not counted. JobName, which may contain `|`, is last. A row that
 * has another number of fields, or no state in the column of the state, is left out.
 */
export function parseSacct(text: string): readonly JobRecord[] {
  const lines = wholeLines(text).filter((line) => line.includes('|'));
  const first = (lines[0] ?? '').split('|').map((name) => name.trim());
  const hasHeader = first.some((name) => /^(JobID|JobIDRaw|State)$/i.test(name));
  const columns = hasHeader
    ? first.map((name) => name.toLowerCase())
    : sacctColumns(lines.slice(0, ROWS_TO_TELL).map((line) => line.split('|')));
  const nameLast = columns[columns.length - 1] === 'jobname' || !hasHeader;
  return lines.slice(hasHeader ? 1 : 0).flatMap((line) => {
    const fields = line.split('|');
    if (hasHeader && (fields.length < columns.length || (fields.length > columns.length && !nameLast))) return [];
    const at = (...names: readonly string[]) => {
      const index = columns.findIndex((column) => names.includes(column));
      return index < 0 ? undefined : fields[index]?.trim();
    };
    const id = at('jobid', 'jobidraw') ?? '';
    if (!/^\d+(_\d+|\+\d+|_\[.*\])?$/.test(id)) return [];
    const state = at('state');
    if (state !== undefined && state !== '' && !slurmState.test(state)) return [];
    const [startMs, endMs] = [stampMs(at('start')), stampMs(at('end'))];
    const seconds = firstKnown(
      elapsedSeconds(at('elapsedraw')),
      elapsedSeconds(at('elapsed')),
      Math.max((endMs - startMs) / 1000, 0),
    );
    const gpus = firstKnown(gpusOf(at('alloctres')), gpusOf(at('reqtres')));
    const used = /gres\/gpuutil=(\d+)/.exec(at('tresusageinave') ?? '')?.[1];
    return [
      {
        id,
        state: state?.split(' ')[0] ?? '',
        gpus,
        seconds,
        startMs,
        endMs,
        eligibleMs: firstKnown(stampMs(at('eligible')), stampMs(at('submit'))),
        gpuHours: gpuHoursOf(gpus, seconds),
        gpuUtil: used === undefined ? Number.NaN : Number(used),
      },
    ];
  });
}

function firstKnown(...values: readonly number[]): number {
  return values.find((value) => !Number.isNaN(value)) ?? Number.NaN;
}

/** GPUs of a TRES text: the untyped number, else the sum of the typed ones; 0 of a text without GPUs, NaN of none. */
export function gpusOf(tres: string | undefined): number {
  if (tres === undefined || !/\w[:=]\d/.test(tres)) return Number.NaN;
  const untyped = /(?:^|,)gres\/gpu=(\d+)/.exec(tres)?.[1];
  if (untyped !== undefined) return Number(untyped);
  return [...tres.matchAll(/(?:^|,)gres\/gpu:[^=,]+=(\d+)/g)].reduce((sum, match) => sum + Number(match[1]), 0);
}
