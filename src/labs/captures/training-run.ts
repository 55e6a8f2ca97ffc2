import type { Capture, CaptureEvent } from './capture.ts';

/** The fault of a generated training run; `none` is a healthy one. */
export const faultKinds = [
  'none',
  'data-pipeline',
  'launch-overhead',
  'hidden-sync',
  'transfer',
  'exposed-communication',
  'straggler',
  'uneven',
  'precision',
  'memory-bandwidth',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** A made-up run: `share` is the part of the step that the fault takes. Lengths in microseconds. */
export interface RunOptions {
  readonly fault: FaultKind;
  readonly share: number;
  readonly steps: number;
  readonly kernelsPerStep: number;
  readonly kernelUs: number;
  readonly ranks: number;
  /** Elements of the gradients that the ranks reduce: 25 million if absent. */
  readonly gradients?: number;
  /** The clock at the start: 16 digits, as a time of day has, if absent. Those leave quarters of a microsecond. */
  readonly clockUs?: number;
  /** Uniform numbers from 0 to 1. */
  readonly random: () => number;
}

const SIDE = { host: 100, autograd: 101 } as const;
const GEMM = 'ampere_bf16_s16816gemm_bf16_128x128_ldg8_f2f_stages_64x3_nn';
/** Of the device that captures name: an A100-SXM4-80GB. */
const PEAK_FLOPS = 312e12;
const PEAK_BYTES = 2.039e12;
/** The GPU pauses for this long between two queued events. */
const BETWEEN_US = 0.8;
const SGEMM = 'ampere_sgemm_128x128_nn';
const TIME_OF_DAY_US = 1_700_000_000_000_000;

/**
 * The traces of all ranks of a made-up training loop: each step takes a batch that is ready, launches its kernels ahead of
 * the GPU, reduces gradients while they compute, and reads the loss once. A fault is built in as it would show: a loader that
 * the step waits for, launches slower than kernels, read-backs within the step, copies from pageable memory, a reduction after
 * the kernels, a rank that comes late, or another one in each step, single precision, kernels that move their bytes slowly. Operators have shapes: in a healthy
 * run products reach 60 % of the peak of the device, and operators on elements 95 % of its memory bandwidth.
 */
export function trainingRun(options: RunOptions): readonly Capture[] {
  const anyRank = () => Math.floor(options.random() * options.ranks);
  const first = options.fault === 'straggler' || options.fault === 'uneven' ? anyRank() : -1;
  // Of an uneven run the late rank is another one in each step.
  const late = Array.from({ length: options.steps }, (_, step) =>
    options.fault === 'uneven' ? (first + step) % options.ranks : first,
  );
  return Array.from({ length: options.ranks }, (_, rank) => new RankRecorder(options, rank, late).record());
}

class RankRecorder {
  readonly #options: RunOptions;
  readonly #rank: number;
  /** The late rank of each step; -1 of none. */
  readonly #late: readonly number[];
  readonly #events: CaptureEvent[] = [];
  readonly #clockUs: number;
  /** Since the start: of these all digits are kept, so ranks do not drift apart. An event's time is rounded once. */
  #host = 0;
  #gpu = 0;
  #correlation = 1;
  /** The length of a step without fault. */
  readonly #workUs: number;
  readonly #faultUs: number;
  /** Shapes and types of the two operators, fitted to the length of a kernel. */
  readonly #product: CaptureEvent['args'];
  readonly #sum: CaptureEvent['args'];

  constructor(options: RunOptions, rank: number, late: readonly number[]) {
    this.#options = options;
    this.#rank = rank;
    this.#late = late;
    this.#workUs = options.kernelsPerStep * options.kernelUs;
    this.#faultUs = (this.#workUs * options.share) / (1 - options.share);
    const side = 2048;
    const depth = Math.round((0.6 * PEAK_FLOPS * options.kernelUs * 1e-6) / (2 * side * side));
    const rows = Math.round((0.95 * PEAK_BYTES * options.kernelUs * 1e-6) / (3 * 2 * 1024));
    const type = options.fault === 'precision' ? 'float' : 'c10::BFloat16';
    this.#product = {
      'Input type': [type, type],
      'Input Dims': [
        [side, depth],
        [depth, side],
      ],
    };
    this.#sum = {
      'Concrete Inputs': ['', '', '1'],
      'Input type': ['c10::BFloat16', 'c10::BFloat16', 'Scalar'],
      'Input Dims': [[rows, 1024], [rows, 1024], []],
    };
    // Clocks of ranks differ.
    this.#clockUs = (options.clockUs ?? TIME_OF_DAY_US) + rank * 37_000;
  }

  record(): Capture {
    for (let step = 0; step < this.#options.steps; step += 1) this.#step(step);
    return { rank: this.#rank, worldSize: this.#options.ranks, events: this.#events };
  }

  #step(step: number): void {
    const start = this.#host;
    this.#loader();
    if (this.#options.fault === 'transfer') this.#copy('Memcpy HtoD (Pageable -> Device)', this.#faultUs, 64 * 2 ** 20);
    else this.#copy('Memcpy HtoD (Pinned -> Device)', 0.004 * this.#workUs, 8 * 2 ** 20);
    this.#kernels();
    if (this.#options.ranks > 1) this.#reduce(step);
    this.#readLoss();
    const end = this.#host;
    this.#push('user_annotation', `ProfilerStep#${step}`, SIDE.host, start, end - start, {});
    this.#host += 5;
  }

  /** The next batch: ready in a healthy run. */
  #loader(): void {
    const waits = this.#options.fault === 'data-pipeline';
    const us = waits ? this.#faultUs : 20;
    const frame = waits ? '_SingleProcessDataLoaderIter' : '_MultiProcessingDataLoaderIter';
    this.#push('user_annotation', `enumerate(DataLoader)#${frame}.__next__`, SIDE.host, this.#host, us, {});
    if (waits)
      this.#push(
        'python_function',
        'torchvision/transforms/functional.py(164): to_tensor',
        SIDE.host,
        this.#host + 1,
        us - 2,
        {},
      );
    this.#host += us;
  }

  #kernels(): void {
    const { fault, kernelsPerStep, kernelUs, random } = this.#options;
    // Launches are far apart in a launch-bound run: so far that the GPU idles for the wanted share of the step.
    const slow = fault === 'launch-overhead' ? this.#faultUs / kernelsPerStep + kernelUs : undefined;
    const waits = fault === 'hidden-sync' ? this.#faultUs : 0;
    const readBacks = Math.max(Math.min(Math.floor(kernelsPerStep / 4), Math.ceil(waits / 150)), 1);
    const every = Math.max(Math.floor(kernelsPerStep / readBacks), 1);
    for (let index = 0; index < kernelsPerStep; index += 1) {
      const length = kernelUs * (0.8 + 0.4 * random());
      const launchUs = slow ?? Math.min(6, kernelUs / 4);
      this.#launch(length, launchUs, index);
      if (waits > 0 && index % every === every - 1) this.#readBack(waits / readBacks);
    }
  }

  #launch(us: number, launchUs: number, index: number): void {
    const operator = index % 3 === 0 ? 'aten::mm' : 'aten::add';
    const name =
      operator === 'aten::mm'
        ? this.#options.fault === 'precision'
          ? SGEMM
          : GEMM
        : 'void at::native::vectorized_elementwise_kernel<4>';
    const length = us * this.#slowness(operator);
    this.#push('cpu_op', operator, SIDE.host, this.#host, launchUs, {
      'External id': this.#correlation,
      ...(operator === 'aten::mm' ? this.#product : this.#sum),
    });
    const callUs = Math.min(0.4 * launchUs, 4);
    this.#call('cudaLaunchKernel', this.#host + launchUs - callUs, callUs);
    this.#host += launchUs;
    this.#onGpu('kernel', name, length, { grid: [216, 1, 1], block: [256, 1, 1], 'blocks per SM': 2 });
  }

  /** How many times as long a kernel takes as in a healthy run. */
  #slowness(operator: string): number {
    const { fault, share } = this.#options;
    if (fault === 'precision') return operator === 'aten::mm' ? 2 : 1;
    // Two of three kernels take the whole of the share.
    return fault === 'memory-bandwidth' && operator === 'aten::add' ? 1 + (1.5 * share) / (1 - share) : 1;
  }

  /** `.item()` in the step: the host waits for the GPU, and the GPU then for the host. */
  #readBack(idleUs: number): void {
    const before = this.#host;
    this.#call('cudaMemcpyAsync', this.#host, 4);
    this.#host += 5;
    this.#onGpu('gpu_memcpy', 'Memcpy DtoH (Device -> Pageable)', 1.5, { bytes: 4 });
    const waitUs = Math.max(this.#gpu + 3 - this.#host, 1);
    this.#correlation += 1;
    this.#call('cudaStreamSynchronize', this.#host, waitUs, this.#correlation);
    this.#host += waitUs;
    this.#push('cpu_op', 'aten::item', SIDE.host, before, this.#host - before + 1, {});
    this.#push(
      'python_function',
      'train.py(88): clip_if_needed',
      SIDE.host,
      this.#host + 1.5,
      Math.max(idleUs - 3, 0.5),
      {},
    );
    this.#host += idleUs;
  }

  /** Once at the end of a step, as training loops log their loss. */
  #readLoss(): void {
    this.#readBack(12);
  }

  #copy(name: string, us: number, bytes: number): void {
    this.#call('cudaMemcpyAsync', this.#host, 5);
    this.#host += 6;
    this.#onGpu('gpu_memcpy', name, us, { bytes });
  }

  #reduce(step: number): void {
    const { fault, random } = this.#options;
    const wireUs = fault === 'exposed-communication' ? this.#faultUs : 0.1 * this.#workUs;
    const late = this.#late[step] ?? -1;
    const lateUs = this.#rank === late ? this.#faultUs : 0;
    const waits = late < 0 ? 2 * random() : lateUs > 0 ? 0 : this.#faultUs;
    if (lateUs > 0) this.#onlyCompute(lateUs);
    const exposed = fault === 'exposed-communication' || late >= 0;
    this.#push('cpu_op', 'nccl:all_reduce', SIDE.host, this.#host, 8, {});
    this.#call('cudaLaunchKernelExC', this.#host + 1, 4);
    this.#host += 8;
    const { gradients = 25_000_000 } = this.#options;
    const args = {
      'Collective name': 'allreduce',
      'In msg nelems': gradients,
      'Out msg nelems': gradients,
      dtype: 'BFloat16',
      'Group size': this.#options.ranks,
      'Process Group Name': '0',
    };
    if (exposed)
      this.#onGpu(
        'kernel',
        'ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)',
        wireUs + waits,
        args,
      );
    else
      this.#beside(
        'ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)',
        0.1 * this.#workUs,
        args,
      );
  }

  /** More work for the late rank. */
  #onlyCompute(us: number): void {
    const count = Math.max(Math.round(us / this.#options.kernelUs), 1);
    // With the pause before each kernel, so that the others wait for just as long.
    for (let index = 0; index < count; index += 1)
      this.#launch(us / count - BETWEEN_US, Math.min(6, us / count / 4), 1);
  }

  /** On another stream, hidden behind the kernels that end now. */
  #beside(name: string, us: number, args: CaptureEvent['args']): void {
    const start = Math.max(this.#gpu - us - 1, this.#host);
    const end = Math.min(start + us, this.#gpu - 0.5);
    if (end > start)
      this.#push(
        'kernel',
        name,
        20,
        start,
        end - start,
        { device: 0, stream: 20, correlation: this.#correlation, ...args },
        0,
      );
  }

  #call(name: string, ts: number, dur: number, correlation = ++this.#correlation): void {
    this.#push('cuda_runtime', name, SIDE.host, ts, dur, { correlation });
  }

  /** An event at the end of the GPU's queue, launched by the call before. */
  #onGpu(cat: string, name: string, us: number, args: CaptureEvent['args']): void {
    const start = Math.max(this.#gpu + BETWEEN_US, this.#host + 3);
    this.#push(cat, name, 7, start, us, { device: 0, stream: 7, correlation: this.#correlation, ...args }, 0);
    this.#gpu = start + us;
  }

  #push(cat: string, name: string, tid: number, ts: number, dur: number, args: CaptureEvent['args'], pid = 4242): void {
    const round = (us: number) => Math.round(us * 1000) / 1000;
    this.#events.push({ ph: 'X', cat, name, pid, tid, ts: this.#clockUs + round(ts), dur: round(dur), args });
  }
}
