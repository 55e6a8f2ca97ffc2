import { linesOf } from './csv.ts';

/** One row of a table of nccl-tests, out of place. */
export interface FabricRow {
  readonly sizeBytes: number;
  readonly timeUs: number;
  readonly algbw: number;
  readonly busbw: number;
}

/** Measurements of nccl-tests; bandwidths in GB/s. */
export interface FabricLog {
  readonly ranks: number;
  readonly devices: readonly string[];
  readonly rows: readonly FabricRow[];
  readonly averageBusbw: number | undefined;
}

/**
 * The log of nccl-tests; lines that are no data are left out (INFO text, rows of size zero).
 *
 *   row = size count type [redop] [root] time algbw busbw #wrong time algbw busbw #wrong
 */
export function parseNcclTests(text: string): FabricLog {
  const rows: FabricRow[] = [];
  const devices: string[] = [];
  let averageBusbw: number | undefined;
  for (const line of linesOf(text)) {
    const device = /^#\s+Rank\s+\d+.*\]\s+(.+?)\s*$/.exec(line)?.[1];
    if (device !== undefined) devices.push(device);
    const average = /^#\s*Avg bus bandwidth\s*:\s*([\d.]+)/.exec(line)?.[1];
    if (average !== undefined) averageBusbw = Number(average);
    const fields = line.trim().split(/\s+/);
    if (fields.length < 11 || !/^\d+$/.test(fields[0] ?? '') || !/^\d+$/.test(fields[1] ?? '')) continue;
    const [timeUs, algbw, busbw] = fields.slice(-8, -5).map(Number);
    const sizeBytes = Number(fields[0]);
    if (sizeBytes > 0 && [timeUs, algbw, busbw].every((value) => Number.isFinite(value)))
      rows.push({ sizeBytes, timeUs, algbw, busbw });
  }
  return { ranks: devices.length, devices, rows, averageBusbw };
}
