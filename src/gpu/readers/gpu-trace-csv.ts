import { fail } from '../../base/errors/fail.ts';
import { gpuKinds, type Trace, TraceBuilder } from '../trace/trace.ts';
import { wholeLines } from './csv.ts';
import { parseTable, type TableRow } from './table.ts';

/** How many microseconds a unit of time is, and bytes a unit of size. */
const timeUnits: Readonly<Record<string, number>> = { ns: 1e-3, us: 1, µs: 1, ms: 1e3, s: 1e6 };
const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** The copies of nsys by the names of CUPTI. */
const copyNames: readonly (readonly [RegExp, string])[] = [
  [/Host-to-Device|HtoD/, 'HtoD'],
  [/Device-to-Host|DtoH/, 'DtoH'],
  [/Device-to-Device|DtoD/, 'DtoD'],
  [/Peer-to-Peer|PtoP/, 'PtoP'],
];

/**
 * `nsys stats --report cuda_gpu_trace --format csv`: each event of the GPU, and none of the host, so idle time has no cause in
 * it. Units are in the names of columns; lines before the header are left out. Errors: GPU_DAMAGED.
 *
 *   header = "Start (ns),Duration (ns),CorrId,GrdX,…,Bytes (MB),Throughput (MB/s),SrcMemKd,DstMemKd,Device,Ctx,…,Strm,Name"
 */
export function parseGpuTrace(text: string): Trace {
  const lines = wholeLines(text);
  const start = lines.findIndex((line) => /^"?Start \(\w+\)"?,"?Duration \(\w+\)/.test(line));
  const { header, rows } = parseTable(`${lines.slice(Math.max(start, 0)).join('\n')}\n`, {
    kind: 'cuda_gpu_trace',
    needs: ['Name'],
  });
  const trace = new TraceBuilder();
  const column = (title: string, units: Readonly<Record<string, number>>) => {
    const name = header.find((one) => one === title || one.startsWith(`${title} (`));
    const unit = /\((\S+)\)$/.exec(name ?? '')?.[1] ?? '';
    return (row: TableRow) => (name === undefined ? Number.NaN : row.printed(name) * (units[unit] ?? Number.NaN));
  };
  const [startOf, lengthOf, bytesOf] = [
    column('Start', timeUnits),
    column('Duration', timeUnits),
    column('Bytes', sizeUnits),
  ];
  const devices = new Map<string, number>();
  for (const row of rows) {
    const [ts, dur] = [startOf(row), lengthOf(row)];
    if (Number.isNaN(ts + dur)) trace.fault('events without time');
    else if (dur < 0) trace.fault('negative durations');
    else
      addEvent(trace, row, {
        ts,
        dur,
        bytes: bytesOf(row),
        device: deviceOf(row.text('Device') ?? '', devices, trace),
      });
  }
  if (trace.gpu.length === 0)
    throw fail('GPU_DAMAGED', { kind: 'cuda_gpu_trace', reason: 'no row has a start and a duration' });
  trace.events = trace.gpu.length;
  return trace.build('nsys');
}

function addEvent(
  { gpu, names }: TraceBuilder,
  row: TableRow,
  {
    ts,
    dur,
    bytes,
    device,
  }: { readonly ts: number; readonly dur: number; readonly bytes: number; readonly device: number },
): void {
  const name = row.text('Name') ?? '';
  const isCopy = /^\[CUDA (memcpy|Unified Memory memcpy)/i.test(name);
  const at = gpu.row();
  gpu.ts[at] = ts;
  gpu.dur[at] = dur;
  gpu.kind[at] = isCopy ? gpuKinds.memcpy : /^\[CUDA memset/i.test(name) ? gpuKinds.memset : gpuKinds.kernel;
  gpu.name[at] = names.of(isCopy ? copyName(row, name) : name);
  gpu.device[at] = device;
  gpu.stream[at] = numberOr(row.number('Strm'), -1);
  gpu.correlation[at] = numberOr(row.number('CorrId'), -1);
  gpu.bytes[at] = bytes;
  gpu.bandwidth[at] = bytes / dur / 1000;
  gpu.blocksPerSm[at] = Number.NaN;
  gpu.occupancy[at] = Number.NaN;
}

function copyName(row: TableRow, name: string): string {
  const kind = copyNames.find(([pattern]) => pattern.test(name))?.[1] ?? 'other';
  const [from, to] = [row.text('SrcMemKd') ?? '', row.text('DstMemKd') ?? ''];
  return `Memcpy ${kind}${from === '' || to === '' ? '' : ` (${from} -> ${to})`}`;
}

/** The number of a device: `NVIDIA A100-SXM4-40GB (0)`; of devices without a number their turn. */
function deviceOf(text: string, known: Map<string, number>, trace: TraceBuilder): number {
  const found = known.get(text);
  if (found !== undefined) return found;
  const [, name = text, number] = /^(.*?)\s*\((\d+)\)$/.exec(text) ?? [];
  const id = number === undefined ? known.size : Number(number);
  known.set(text, id);
  trace.devices = [...trace.devices, { id, name, computeMajor: 0, numSms: 0, memoryBytes: 0 }];
  return id;
}

function numberOr(value: number, other: number): number {
  return Number.isNaN(value) ? other : value;
}
