import { grow, Names } from './names.ts';
import { OperatorInputs } from './operator-inputs.ts';

/** The kind of a GPU event. */
export const gpuKinds = { kernel: 0, memcpy: 1, memset: 2 } as const;

/** The kind of a host event; `launch` and `driver` are calls of the CUDA or HIP runtime or driver. */
export const hostKinds = { op: 0, python: 1, annotation: 2, runtime: 3, driver: 4 } as const;

/** Arguments of a collective kernel, where the trace has them. Sizes are numbers of elements. */
export interface CollectiveArgs {
  readonly name: string;
  readonly inElements: number;
  readonly outElements: number;
  readonly dtype: string;
  readonly groupSize: number;
  readonly group: string;
}

/** Columns of events; row i of each column belongs to event i. Times in microseconds, as the trace has them. */
abstract class Columns {
  length = 0;
  ts = new Float64Array(1 << 10);
  dur = new Float64Array(1 << 10);
  name = new Int32Array(1 << 10);

  /** The index of a new row, with room in every column. */
  row(): number {
    if (this.length === this.ts.length) this.grow();
    this.length += 1;
    return this.length - 1;
  }

  protected grow(): void {
    this.ts = grow(this.ts, Float64Array);
    this.dur = grow(this.dur, Float64Array);
    this.name = grow(this.name, Int32Array);
  }
}

/** GPU events: kernels, copies and memsets of every device and stream. */
export class GpuEvents extends Columns {
  kind = new Uint8Array(1 << 10);
  device = new Int32Array(1 << 10);
  stream = new Int32Array(1 << 10);
  /** Correlation with the launching call; -1 if the trace has none; -2 - id of an external id, where that is all there is. */
  correlation = new Float64Array(1 << 10);
  /** Bytes of a copy or memset; NaN if unknown. */
  bytes = new Float64Array(1 << 10);
  /** Bandwidth of a copy or memset by the profiler, in GB/s; NaN if unknown. */
  bandwidth = new Float64Array(1 << 10);
  /** Blocks per SM and estimated occupancy in percent; NaN if unknown. */
  blocksPerSm = new Float32Array(1 << 10);
  occupancy = new Float32Array(1 << 10);

  protected override grow(): void {
    super.grow();
    this.kind = grow(this.kind, Uint8Array);
    this.device = grow(this.device, Int32Array);
    this.stream = grow(this.stream, Int32Array);
    this.correlation = grow(this.correlation, Float64Array);
    this.bytes = grow(this.bytes, Float64Array);
    this.bandwidth = grow(this.bandwidth, Float64Array);
    this.blocksPerSm = grow(this.blocksPerSm, Float32Array);
    this.occupancy = grow(this.occupancy, Float32Array);
  }
}

/** The id by which a GPU event can be found in its file. */
export function eventId({ correlation }: GpuEvents, row: number): number {
  return correlation[row] < -1 ? -2 - correlation[row] : correlation[row];
}

/** Host events: operators, Python frames, annotations and runtime calls. */
export class HostEvents extends Columns {
  kind = new Uint8Array(1 << 10);
  thread = new Int32Array(1 << 10);
  /** Correlation of a runtime call, or -2 - id as of GPU events; -1 of anything else. */
  link = new Float64Array(1 << 10);
  /** One more than the number of an operator's inputs, 0 without; no column until the first operator has some. */
  #inputs = new Int32Array(0);

  /** The number of the inputs of an operator, -1 if the trace does not tell. */
  inputsOf(row: number): number {
    return row < this.#inputs.length ? this.#inputs[row] - 1 : -1;
  }

  setInputs(row: number, inputs: number): void {
    if (this.#inputs.length === 0) this.#inputs = new Int32Array(this.ts.length);
    this.#inputs[row] = inputs + 1;
  }

  protected override grow(): void {
    super.grow();
    this.kind = grow(this.kind, Uint8Array);
    this.thread = grow(this.thread, Int32Array);
    this.link = grow(this.link, Float64Array);
    if (this.#inputs.length > 0) this.#inputs = grow(this.#inputs, Int32Array);
  }
}

/** Waits that the profiler recorded (CUPTI synchronisation records): of a stream, a device or an event. */
export class SyncEvents extends Columns {
  device = new Int32Array(1 << 10);
  /** The stream that waits or is waited for; -1 if it is the host that waits for the whole device. */
  stream = new Int32Array(1 << 10);
  /** Correlation with the call that waits; -1 if the trace has none. */
  correlation = new Float64Array(1 << 10);
  /** Of a wait for an event: the stream on which it was recorded, and the correlation of the call that recorded it; else -1. */
  recordStream = new Int32Array(1 << 10);
  recordCorrelation = new Float64Array(1 << 10);

  protected override grow(): void {
    super.grow();
    this.device = grow(this.device, Int32Array);
    this.stream = grow(this.stream, Int32Array);
    this.correlation = grow(this.correlation, Float64Array);
    this.recordStream = grow(this.recordStream, Int32Array);
    this.recordCorrelation = grow(this.recordCorrelation, Float64Array);
  }
}

/** One range of the CUPTI profiler: the hardware counters of one kernel, by name. */
export interface CounterRange {
  readonly name: string;
  readonly ts: number;
  readonly values: ReadonlyMap<string, number>;
}

/** One GPU as the trace names it. */
export interface DeviceProperties {
  readonly id: number;
  readonly name: string;
  readonly computeMajor: number;
  readonly numSms: number;
  readonly memoryBytes: number;
}

/** A step that the program marked (`ProfilerStep#N`, or an NVTX range of that name). Times in microseconds. */
export interface StepMark {
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly thread: number;
}

/** A fault in reading, or a possible gap; `count` of affected items. */
export interface TraceFault {
  readonly what:
    | 'damaged events'
    | 'truncated'
    | 'negative durations'
    | 'no duration'
    | 'too many names'
    | 'events without time'
    | 'damaged text'
    | 'profiler messages';
  readonly count: number;
}

/** A profiler trace, whatever its file format: PyTorch or Nsight Systems. */
export interface Trace {
  readonly source: 'kineto' | 'nsys';
  readonly names: Names;
  readonly gpu: GpuEvents;
  readonly host: HostEvents;
  readonly syncs: SyncEvents;
  readonly counters: readonly CounterRange[];
  /** Collective arguments by GPU event. */
  readonly collectives: ReadonlyMap<number, CollectiveArgs>;
  /** Shapes and types of operators, where they were recorded. */
  readonly inputs: OperatorInputs;
  readonly steps: readonly StepMark[];
  readonly devices: readonly DeviceProperties[];
  /** Rank and world size; undefined where the trace does not tell. */
  readonly rank: number | undefined;
  readonly worldSize: number | undefined;
  /** The library of collectives and its version, which all ranks of a job share; undefined where the trace does not tell. */
  readonly backend: string | undefined;
  /** The ranks of process groups by name, where the trace lists them. */
  readonly groups: ReadonlyMap<string, ReadonlySet<number>>;
  /** Microseconds to add to times for wall-clock microseconds; undefined where the trace does not tell. */
  readonly baseTimeUs: number | undefined;
  readonly withStack: boolean;
  readonly peakMemoryBytes: number | undefined;
  /** Time of profiler overhead rows, in microseconds. */
  readonly overheadUs: number;
  /** Accelerator events of a kind that is not analysed, by category. */
  readonly foreign: ReadonlyMap<string, number>;
  readonly events: number;
  readonly faults: readonly TraceFault[];
}

/** A trace under construction. */
export class TraceBuilder {
  readonly names: Names;
  readonly gpu = new GpuEvents();
  readonly host = new HostEvents();
  readonly syncs = new SyncEvents();
  readonly counters: CounterRange[] = [];
  readonly collectives = new Map<number, CollectiveArgs>();
  readonly inputs = new OperatorInputs();
  readonly steps: StepMark[] = [];
  readonly foreign = new Map<string, number>();
  readonly faults = new Map<TraceFault['what'], number>();
  readonly groups = new Map<string, ReadonlySet<number>>();
  devices: DeviceProperties[] = [];
  rank: number | undefined;
  worldSize: number | undefined;
  backend: string | undefined;
  baseTimeUs: number | undefined;
  withStack = false;
  peakMemoryBytes: number | undefined;
  overheadUs = 0;
  events = 0;

  constructor(names = new Names()) {
    this.names = names;
  }

  fault(what: TraceFault['what'], count = 1): void {
    this.faults.set(what, (this.faults.get(what) ?? 0) + count);
  }

  build(source: Trace['source']): Trace {
    if (this.names.dropped > 0) this.faults.set('too many names', this.names.dropped);
    const { names, gpu, host, syncs, counters, collectives, inputs, steps, foreign, devices } = this;
    const { rank, worldSize, backend, groups, events } = this;
    const { withStack, peakMemoryBytes, overheadUs, baseTimeUs } = this;
    const faults = [...this.faults].map(([what, count]) => ({ what, count }));
    const sorted = steps.toSorted((a, b) => a.ts - b.ts);
    return {
      source,
      names,
      gpu,
      host,
      syncs,
      counters,
      collectives,
      inputs,
      steps: sorted,
      devices,
      rank,
      worldSize,
      backend,
      groups,
      baseTimeUs,
      withStack,
      peakMemoryBytes,
      overheadUs,
      foreign,
      events,
      faults,
    };
  }
}
