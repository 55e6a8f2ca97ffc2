/** The kinds of fields of sacct. */
const state =
  /^(BOOT_FAIL|CANCELLED|COMPLETED|COMPLETING|DEADLINE|FAILED|NODE_FAIL|OUT_OF_MEMORY|PENDING|PREEMPTED|RUNNING|REQUEUED|RESIZING|REVOKED|SUSPENDED|TIMEOUT)\b/;
const time = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}|Unknown|None)$/;
const tres = /(^|,)(gres\/gpu|cpu|mem|node|billing)[:=]/;
const elapsed = /^(\d+-)?\d{1,2}:\d{2}(:\d{2})?(\.\d+)?$/;

/**
 * The columns of sacct's output without a header (`-n`), by what the fields of all rows hold. Start and End are the two times
 * that are as far apart as the job took; the time before them is when the job was eligible. A field that holds nothing known has
 * an empty name. JobName, which may hold `|`, is not needed.
 */
export function sacctColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const width = Math.max(0, ...rows.map(({ length }) => length));
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
  put('jobid', (field) => /^\d+(_\d+|\+\d+|_\[.*\])?(\.\w+)?$/.test(field));
  put('state', (field) => state.test(field));
  put('exitcode', (field) => /^\d+:\d+$/.test(field));
  const gpus = free().find(
    (column) => rows.some((row) => /gres\/gpu/.test(row[column] ?? '')) && fits(column, (field) => tres.test(field)),
  );
  if (gpus === undefined) put('alloctres', (field) => tres.test(field));
  else names[gpus] = 'alloctres';
  putTimes(
    rows,
    names,
    free().filter((column) => fits(column, (field) => time.test(field))),
  );
  put('elapsed', (field) => elapsed.test(field));
  return names;
}

/** Names start, end, the time in the queue and the raw length, by rows in which they agree. */
function putTimes(rows: readonly (readonly string[])[], names: string[], columns: readonly number[]): void {
  const at = (row: readonly string[], column: number) => Date.parse(`${row[column]}Z`) / 1000;
  const seconds = (row: readonly string[], from: number, to: number) => at(row, to) - at(row, from);
  let best = { agreed: 0, start: -1, end: -1, raw: -1 };
  for (const start of columns)
    for (const end of columns)
      for (const [raw, name] of names.entries()) {
        if (start === end || name !== '' || columns.includes(raw)) continue;
        const agreed = rows.filter(
          (row) => /^\d+$/.test(row[raw] ?? '') && seconds(row, start, end) === Number(row[raw]),
        ).length;
        if (agreed > best.agreed) best = { agreed, start, end, raw };
      }
  // Without the raw length: the order of sacct's own fields.
  const [start, end] = best.agreed > 0 ? [best.start, best.end] : columns;
  if (best.agreed > 0) names[best.raw] = 'elapsedraw';
  if (start !== undefined) names[start] = 'start';
  if (end !== undefined) names[end] = 'end';
  const before = columns.find((column) => column !== start && column !== end);
  if (before !== undefined) names[before] = 'eligible';
}
