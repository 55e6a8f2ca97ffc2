import { linesOf } from './csv.ts';
import { sacctColumns } from './sacct-columns.ts';

/** The number of rows that determine the columns. */
const ROWS_TO_TELL = 200;

/** One job as the scheduler recorded it; steps are not jobs. */
export interface JobRecord {
  readonly id: string;
  /** `COMPLETED`, `FAILED`, `CANCELLED`, `TIMEOUT`, … without its suffix. */
  readonly state: string;
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

/**
 * `sacct -P`, with a header or without (`-n`: columns are recognised by their contents). Rows of steps (`.batch`,
 * `.extern`, `.0`) repeat the allocation of their job and are not counted. JobName, which may contain `|`, is last.
 */
export function parseSacct(text: string): readonly JobRecord[] {
  const lines = linesOf(text).filter((line) => line.includes('|'));
  const first = (lines[0] ?? '').split('|');
  const hasHeader = first.some((name) => /^(JobID|JobIDRaw|State)$/i.test(name));
  const columns = hasHeader
    ? first.map((name) => name.toLowerCase())
    : sacctColumns(lines.slice(0, ROWS_TO_TELL).map((line) => line.split('|')));
  return lines.slice(hasHeader ? 1 : 0).flatMap((line) => {
    const fields = line.split('|');
    const at = (...names: readonly string[]) => {
      const index = columns.findIndex((column) => names.includes(column));
      return index < 0 ? undefined : fields[index];
    };
    const id = at('jobid', 'jobidraw') ?? '';
    if (!/^\d+(_\d+|\+\d+|_\[.*\])?$/.test(id)) return [];
    const gpus = gpusOf(at('alloctres') ?? at('reqtres') ?? '');
    const raw = at('elapsedraw');
    const seconds = raw === undefined ? elapsedSeconds(at('elapsed')) : Number(raw);
    const used = /gres\/gpuutil=(\d+)/.exec(at('tresusageinave') ?? '')?.[1];
    return [
      {
        id,
        state: (at('state') ?? '').split(' ')[0] ?? '',
        gpus,
        seconds,
        startMs: timeMs(at('start')),
        endMs: timeMs(at('end')),
        eligibleMs: timeMs(at('eligible') ?? at('submit')),
        gpuHours: Number.isFinite(seconds) ? (gpus * seconds) / 3600 : 0,
        gpuUtil: used === undefined ? Number.NaN : Number(used),
      },
    ];
  });
}

/** GPUs of a TRES text: the untyped number, else the sum of the typed ones. */
export function gpusOf(tres: string): number {
  const untyped = /(?:^|,)gres\/gpu=(\d+)/.exec(tres)?.[1];
  if (untyped !== undefined) return Number(untyped);
  return [...tres.matchAll(/(?:^|,)gres\/gpu:[^=,]+=(\d+)/g)].reduce((sum, match) => sum + Number(match[1]), 0);
}

/** Seconds of `1-02:03:04`, `02:03:04`, `00:14.330`; NaN if it is not a duration. */
export function elapsedSeconds(text: string | undefined): number {
  const match = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)$/.exec((text ?? '').trim());
  if (match === null) return Number.NaN;
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = match;
  return Number(days) * 86_400 + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

function timeMs(text: string | undefined): number {
  const time = (text ?? '').trim();
  if (/^\d{9,11}$/.test(time)) return Number(time) * 1000;
  return /^\d{4}-\d{2}-\d{2}T/.test(time) ? Date.parse(`${time}Z`) : Number.NaN;
}
