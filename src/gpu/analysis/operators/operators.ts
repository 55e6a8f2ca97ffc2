import { eventId, gpuKinds } from '../../trace/trace.ts';
import { workClassifier } from '../decompose.ts';
import { steadyRows, tensorCoreTest } from '../kernels.ts';
import type { TraceFacts } from '../trace-facts.ts';
import { type DevicePeaks, devicePeaks } from './device-peaks.ts';
import { innermostOperators } from './innermost-operators.ts';
import { type OperatorCategory, type OperatorWork, operatorWork } from './operator-work.ts';
import { operatorArguments } from './tensor-inputs.ts';

/** The calls of an operator with the same inputs, in the steady windows, with the peaks of the device. */
export interface OperatorSum {
  readonly name: string;
  /** `1025×8192, 8192×1025`. */
  readonly shapes: string;
  readonly type: string;
  readonly category: OperatorCategory;
  /** Whether its kernels use Tensor Cores, by their names. */
  readonly tensor: boolean;
  readonly calls: number;
  /** Time of the kernels of all calls, and their share of all kernel time. */
  readonly us: number;
  readonly share: number;
  /** Work of one call by its shapes: floating-point operations, and bytes that must move at least; null where they do not tell. */
  readonly flops: number | null;
  readonly bytes: number | null;
  /** Floating-point operations for each byte. */
  readonly intensity: number | null;
  readonly tflops: number | null;
  readonly tbPerS: number | null;
  /** The least limit of the operator, by its intensity and the peaks of the device; null without them. */
  readonly bound: 'compute' | 'memory' | null;
  /** The time it would take at the peak that bounds it, as a share of its time; above 1 if caches served it. */
  readonly shareOfPeak: number | null;
  /** Correlation ids of a few launches. */
  readonly events: readonly number[];
}

/** Operators by kernel time, and how much of the kernel time has shapes that tell its work. */
export interface OperatorFacts {
  readonly operators: readonly OperatorSum[];
  /** Share of the summed kernel time. */
  readonly knownShare: number;
  readonly peaks: DevicePeaks | undefined;
}

const EVENTS = 3;

/** The operators of the steady windows; undefined if the trace has no shapes. `deviceName` is for traces that name no device. */
export function operatorFacts(facts: TraceFacts, deviceName?: string): OperatorFacts | undefined {
  const { trace } = facts;
  if (trace.inputs.count === 0) return undefined;
  const { gpu, names } = trace;
  const models = new WorkOfCalls(facts);
  const callOf = models.callsByLaunch();
  const workOf = workClassifier(trace);
  const usesTensorCores = tensorCoreTest(names);
  const groups = new Map<number, Group>();
  const seen = new Uint8Array(trace.host.length);
  let total = 0;
  const rows = steadyRows(facts);
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index];
    if (gpu.kind[row] !== gpuKinds.kernel || workOf(row) !== 'compute') continue;
    const us = gpu.dur[row];
    total += us;
    const launch = facts.launches.ofGpu[row];
    const call = launch < 0 ? -1 : callOf[launch];
    if (call < 0) continue;
    const key = models.key(call);
    const group: Group = groups.get(key) ?? { call, calls: 0, us: 0, tensor: false, events: [] };
    groups.set(key, group);
    group.us += us;
    group.tensor ||= usesTensorCores(gpu.name[row]);
    if (seen[call] === 1) continue;
    seen[call] = 1;
    group.calls += 1;
    if (group.events.length < EVENTS) group.events.push(eventId(gpu, row));
  }
  const properties = trace.devices.find(({ id }) => id === facts.device) ?? trace.devices[0];
  const peaks = devicePeaks(properties?.name || (deviceName ?? ''));
  const operators = [...groups.values()]
    .flatMap((group) => {
      const work = models.work(group.call);
      return work === undefined ? [] : [sumOf(facts, group, work, total, peaks)];
    })
    .sort((a, b) => b.us - a.us);
  return { operators, knownShare: total === 0 ? 0 : operators.reduce((sum, { us }) => sum + us, 0) / total, peaks };
}

interface Group {
  /** One of its calls. */
  readonly call: number;
  calls: number;
  us: number;
  tensor: boolean;
  readonly events: number[];
}

function sumOf(
  { trace }: TraceFacts,
  { call, calls, us, tensor, events }: Group,
  work: OperatorWork,
  total: number,
  peaks: DevicePeaks | undefined,
): OperatorSum {
  const seconds = (us / calls) * 1e-6;
  const flops = numberOrNull(work.flops);
  const bytes = numberOrNull(work.bytes);
  const peak = peaks === undefined ? undefined : computePeak(peaks, work.type, tensor);
  const forCompute = flops === null || peak === undefined ? null : flops / (peak * 1e12) / seconds;
  const forBytes = bytes === null || peaks === undefined ? null : bytes / (peaks.memoryTb * 1e12) / seconds;
  // Without bytes the bound is not known; without operations (copies, fused kernels) it is memory.
  const bound = forBytes === null ? null : (forCompute ?? 0) > forBytes ? ('compute' as const) : ('memory' as const);
  return {
    name: trace.names.text(trace.host.name[call]),
    shapes: shapesOf(trace.inputs.texts(trace.host.inputsOf(call)).dims),
    type: work.type,
    category: work.category,
    tensor,
    calls,
    us,
    share: us / total,
    flops,
    bytes,
    intensity: flops === null || bytes === null || bytes === 0 ? null : flops / bytes,
    tflops: flops === null ? null : flops / seconds / 1e12,
    tbPerS: bytes === null ? null : bytes / seconds / 1e12,
    bound,
    shareOfPeak: bound === null ? null : bound === 'compute' ? forCompute : forBytes,
    events,
  };
}

function numberOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** The peak for the type of the computation; FP32 inputs on Tensor Cores are TF32. */
function computePeak(peaks: DevicePeaks, type: string, tensor: boolean): number | undefined {
  if (/^float8/.test(type)) return peaks.fp8;
  if (/half|bfloat16/.test(type)) return peaks.fp16;
  return type === 'float' ? (tensor ? peaks.tf32 : peaks.fp32) : undefined;
}

/** `1025×8192, 8192×1025` of `[[1025, 8192], [8192, 1025], []]`; of equal ones in a row, `3 of 16×128×32×128`. */
function shapesOf(dims: string): string {
  const runs: { shape: string; count: number }[] = [];
  for (const [, list = ''] of dims.matchAll(/\[([\d,\s]+)\]/g)) {
    const shape = list.replaceAll(/\s*,\s*/g, '×').trim();
    const last = runs[runs.length - 1];
    if (last?.shape === shape) last.count += 1;
    else runs.push({ shape, count: 1 });
  }
  const texts = runs.map(({ shape, count }) => (count === 1 ? shape : `${count} of ${shape}`));
  return texts.length > 4 ? `${texts.slice(0, 4).join(', ')}, …` : texts.join(', ');
}

/** Which operator call a launch belongs to, and what that call has to do. */
class WorkOfCalls {
  readonly #facts: TraceFacts;
  readonly #works = new Map<number, OperatorWork | undefined>();

  constructor(facts: TraceFacts) {
    this.#facts = facts;
  }

  /** Tells calls of the same operator with the same inputs. */
  key(call: number): number {
    const { host } = this.#facts.trace;
    return host.name[call] * 2 ** 24 + host.inputsOf(call);
  }

  work(call: number): OperatorWork | undefined {
    const { host, names, inputs } = this.#facts.trace;
    const id = host.inputsOf(call);
    if (id < 0) return undefined;
    const key = this.key(call);
    if (this.#works.has(key)) return this.#works.get(key);
    const given = operatorArguments(inputs.texts(id));
    const work = given === undefined ? undefined : operatorWork(names.text(host.name[call]), given);
    this.#works.set(key, work);
    return work;
  }

  /** By launching call, the operator call whose work its kernels do, and -1 without one. */
  callsByLaunch(): Int32Array {
    const { trace, threads } = this.#facts;
    const mayBePart = trace.names.tester(/conv|attention|attn|fmha/i);
    const isPart = (row: number, around: number) => mayBePart(trace.host.name[row]) && this.#isPart(row, around);
    return innermostOperators(trace, threads, isPart);
  }

  /** Whether an operator is a part of an enclosing attention or convolution, without a separate model. */
  #isPart(row: number, around: number): boolean {
    if (this.work(row) !== undefined) return false;
    const category = this.work(around)?.category;
    return category === 'attention' || category === 'convolution';
  }
}
