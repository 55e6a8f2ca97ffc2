import { plainNumber, wholeLines } from './csv.ts';

/** One row of a table of nccl-tests, out of place. */
export interface FabricRow {
  /** NaN of a log without sizes. */
  readonly sizeBytes: number;
  readonly timeUs: number;
  readonly algbw: number;
  readonly busbw: number;
}

/** Measurements of nccl-tests; bandwidths in GB/s. */
export interface FabricLog {
  /** 0 if the log does not list its ranks. */
  readonly ranks: number;
  readonly devices: readonly string[];
  readonly rows: readonly FabricRow[];
  readonly averageBusbw: number | undefined;
}

/** Debug output of NCCL, alone in a line or after the beginning of a row that it interrupted. */
const infoText = /\S+:\d+:\d+ \[\d+\] NCCL (INFO|WARN|TRACE).*$/;
/** The bandwidth of a row that has a size is that size by its time; times are printed with two or four digits. */
const SAME_WITHIN = 0.02;

/**
 * The log of nccl-tests; lines that are no data are left out (rows of size zero). NCCL_DEBUG=INFO writes between rows, and into
 * them: a row is what is left of a line without that, in one piece or continued in the next line.
 *
 *   row = [size count] type [redop] [root] time algbw busbw #wrong time algbw busbw #wrong
 */
export function parseNcclTests(text: string): FabricLog {
  const rows: FabricRow[] = [];
  const devices: string[] = [];
  let averageBusbw: number | undefined;
  let begun = '';
  for (const whole of wholeLines(text)) {
    const isInterrupted = infoText.test(whole);
    const line = whole.replace(infoText, '');
    const device = /^#\s+Rank\s+\d+.*\]\s+(.+?)\s*$/.exec(line)?.[1];
    if (device !== undefined) devices.push(device);
    const average = /^#\s*Avg bus bandwidth\s*:\s*([\d.]+)\s*$/.exec(line)?.[1];
    if (average !== undefined) averageBusbw = plainNumber(average);
    if (line.startsWith('#') || line.trim() === '') continue;
    const row = rowOf(begun === '' ? line : `${begun} ${line}`);
    begun = row === undefined && (isInterrupted || begun !== '') ? `${begun} ${line}`.slice(-LONGEST_ROW) : '';
    if (row !== undefined && row.sizeBytes !== 0) rows.push(row);
  }
  return { ranks: devices.length, devices, rows, averageBusbw };
}

const LONGEST_ROW = 400;
const number = String.raw`(\d+(?:\.\d+)?)`;
const wrong = String.raw`(?:N\/A|\d+(?:\.\d+)?(?:e[+-]\d+)?)`;
const rowPattern = new RegExp(
  String.raw`^\s*(?:(\d+)\s+(\d+)\s+)?([a-z]\w*)\s+(?:[a-z]+\s+)?(?:-?\d+\s+)?${number}\s+${number}\s+${number}\s+${wrong}\s+${number}\s+${number}\s+${number}\s+${wrong}\s*$`,
);

function rowOf(line: string): FabricRow | undefined {
  const match = rowPattern.exec(line);
  if (match === null) return undefined;
  const [, size, , , ...values] = match;
  const [timeUs, algbw, busbw] = values.map(Number);
  const sizeBytes = size === undefined ? Number.NaN : Number(size);
  // A number that text was written into: size and time say another bandwidth.
  const expected = sizeBytes / timeUs / 1000;
  const isDamaged = algbw > 1 && expected > 0 && Math.abs(expected - algbw) > SAME_WITHIN * algbw;
  return isDamaged ? undefined : { sizeBytes, timeUs, algbw, busbw };
}
