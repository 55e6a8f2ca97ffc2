import { stampMs } from './stamp.ts';

/** The kinds of fields of sacct. */
export const slurmState =
  /^(BOOT_FAIL|CANCELLED|COMPLETED|COMPLETING|DEADLINE|FAILED|NODE_FAIL|OUT_OF_MEMORY|PENDING|PREEMPTED|RUNNING|REQUEUED|RESIZING|REVOKED|SUSPENDED|TIMEOUT)\b/;
/** A time, also of `SLURM_TIME_FORMAT=%s`. */
const time = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}|\d{9,13}|Unknown|None)$/;
const tres = /(^|,)(gres\/gpu|cpu|mem|node|billing)[:=]/;
const length = /^(\d+|(\d+-)?\d{1,2}:\d{2}(:\d{2})?(\.\d+)?)$/;

/** Lengths and times are rounded to seconds. */
const SAME_WITHIN_S = 1;
/** A column is the length of a job if half of the rows that can be compared agree: a suspended job takes longer. */
const AGREE_FROM = 0.5;

/** Seconds of `1-02:03:04`, `02:03:04`, `00:14.330`, or of a number; NaN if it is not a duration. */
export function elapsedSeconds(text: string | undefined): number {
  const field = (text ?? '').trim();
  if (/^\d+$/.test(field)) return Number(field);
  const match = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)$/.exec(field);
  if (match === null) return Number.NaN;
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = match;
  return Number(days) * 86_400 + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/**
 * The columns of sacct's output without a header (`-n`), by what the fields of all rows hold. A length of time and times look
 * like several fields of sacct (Elapsed, TotalCPU, CPUTime; Submit, Eligible, Start, End), so each needs a second witness:
 * Start and End are the two times that are as far apart as a third field says. Without that agreement none of them is named.
 * JobName, which may hold `|`, is not needed.
 */
export function sacctColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const width = Math.max(0, ...rows.map(({ length: fields }) => fields));
  const names: string[] = Array.from({ length: width }, () => '');
  const fits = (column: number, test: (field: string) => boolean) => {
    const known = rows.map((row) => row[column] ?? '').filter((field) => field !== '');
    return known.length > 0 && known.every(test);
  };
  const free = () => names.flatMap((name, column) => (name === '' ? [column] : []));
  const put = (name: string, test: (field: string) => boolean) => {
    const at = free().find((column) => fits(column, test));
    if (at !== undefined) names[at] = name;
  };
  // Times as seconds since 1970 are numbers as well.
  put('jobid', (field) => !time.test(field) && /^\d+(_\d+|\+\d+|_\[.*\])?(\.\w+)?$/.test(field));
  put('state', (field) => slurmState.test(field));
  put('exitcode', (field) => /^\d+:\d+$/.test(field) && rows.some((row) => row.includes('0:0')));
  const gpus = free().find(
    (column) => rows.some((row) => /gres\/gpu/.test(row[column] ?? '')) && fits(column, (field) => tres.test(field)),
  );
  if (gpus === undefined) put('alloctres', (field) => tres.test(field));
  else names[gpus] = 'alloctres';
  putTimes(
    rows,
    names,
    free().filter((column) => fits(column, (field) => time.test(field))),
    free().filter((column) => fits(column, (field) => length.test(field))),
  );
  return names;
}

/** Names start, end, the length and the time in the queue, by the rows in which they agree. */
function putTimes(
  rows: readonly (readonly string[])[],
  names: string[],
  times: readonly number[],
  lengths: readonly number[],
): void {
  const seconds = times.length === 0 ? [] : rows.map((row) => row.map((field) => stampMs(field) / 1000));
  let best = { agreed: 0, start: -1, end: -1, length: -1 };
  for (const start of times)
    for (const end of times)
      for (const own of lengths) {
        if (start === end || own === start || own === end) continue;
        const known = rows
          .map((row, at) => ({ took: elapsedSeconds(row[own]), apart: seconds[at][end] - seconds[at][start] }))
          .filter(({ took, apart }) => took > 0 && apart > 0);
        const agreed = known.filter(({ took, apart }) => Math.abs(took - apart) <= SAME_WITHIN_S).length;
        if (agreed > best.agreed && agreed >= AGREE_FROM * known.length) best = { agreed, start, end, length: own };
      }
  if (best.agreed === 0) return;
  names[best.length] = 'elapsed';
  names[best.start] = 'start';
  names[best.end] = 'end';
  const waits = times.filter(
    (column) =>
      column !== best.start &&
      column !== best.end &&
      seconds.every((row) => Number.isNaN(row[column] + row[best.start]) || row[column] <= row[best.start]),
  );
  // A job may be submitted before it is eligible: the later of both begins the time in the queue.
  const latest = waits.toSorted((a, b) => sumOf(seconds, b) - sumOf(seconds, a))[0];
  if (latest !== undefined) names[latest] = 'eligible';
}

function sumOf(rows: readonly (readonly number[])[], column: number): number {
  return rows.reduce((sum, row) => sum + (Number.isNaN(row[column]) ? 0 : row[column]), 0);
}
