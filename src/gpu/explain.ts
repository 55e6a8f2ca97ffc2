import type { Cause } from './finding.ts';

/** The output of `headrace gpu explain`. */
export interface Explanation {
  readonly title: string;
  readonly found: string;
  readonly run: readonly string[];
  readonly change: readonly string[];
  /** Published gains, with their source; nothing else may be quoted. */
  readonly gains: readonly string[];
}

const explanations: Readonly<Record<Cause, Explanation>> = {
  'data-pipeline': {
    title: 'the GPU waits for data',
    found:
      'idle time in which nothing had been submitted, while the launching thread was under a loader, decoding or preprocessing frame, for more than 5 % of the step. With N workers a step takes at least the longer of the rest and L/N, where L is the loader time per step.',
    run: [
      'torch.profiler with with_stack=True and schedule(wait=1, warmup=3, active=5)',
      'py-spy record --native --subprocesses -d 30 -o loader.svg -p PID',
    ],
    change: [
      'DataLoader(num_workers=4, prefetch_factor=2, persistent_workers=True, pin_memory=True)',
      'decode and resize on the GPU, or once and offline; cache',
    ],
    gains: [
      'num_workers 0 to 4, ResNet-50 on a V100: 1.26× on mean steps, 1.40× on median steps (the public pair of traces of kineto)',
      'CoorDL against DALI: up to 2× on one server, up to 5.7× in hyperparameter search (Mohan et al., VLDB 2021; upper ends)',
    ],
  },
  'kernel-efficiency': {
    title: 'memory bandwidth and kernel efficiency',
    found:
      'computation is at least 70 % of the step, and kernels that could use Tensor Cores do not; or, by the shapes of a trace recorded with record_shapes=True, operators move their bytes at 60 % of the peak of memory or more (bound by bandwidth) or stay far below both peaks; or Nsight Compute says what limits the kernels with the largest share. A kernel of share f that becomes s times as fast makes the step 1 / (1 − f(1 − 1/s)) times as fast.',
    run: [
      'torch.profiler with record_shapes=True: headrace gpu diagnose trace.json.gz --all lists what each operator reaches',
      'ncu --set full --csv --page details -k regex:NAME -c 3 python train.py > kernels.csv',
      'headrace gpu diagnose trace.json.gz kernels.csv',
    ],
    change: ['torch.autocast, TF32, channels_last', 'fuse: torch.compile, flash attention', 'larger tiles; quantise'],
    gains: [
      'automatic mixed precision: up to 3× for single operators (NVIDIA)',
      'channels_last with AMP: +22 %, 8 to 35 % (PyTorch)',
    ],
  },
  'launch-overhead': {
    title: 'launch overhead and small batches',
    found:
      'gaps of 30 µs to 1 ms in which nothing had been submitted, while the launching thread was in operators and Python; the queue is empty at launch and launches are further apart than a kernel is long. A larger batch is only advised with utilisation and peak memory of at most 50 % and other causes excluded.',
    run: ['nsys profile -t cuda,nvtx,osrt --cuda-graph-trace=node -o step python train.py'],
    change: [
      'CUDA or HIP graphs: torch.compile(mode="reduce-overhead")',
      'fused or foreach optimizer',
      'a larger batch; the learning rate that fits changes with it',
    ],
    gains: [
      'CUDA graphs: Mask R-CNN 1.70×, BERT 1.12×, Llama-8B decode 1.65× (PyTorch, NVIDIA)',
      'batch size, BERT 32 to 64/128/768: 1.96/3.10/4.92×; Swin 8 to 16/32/256: 1.79/2.51/3.41× (throughput; ICSE 2024, table 2)',
    ],
  },
  'multi-gpu': {
    title: 'communication and late ranks',
    found:
      'communication that no computation hides, more than 10 % of the step; with the traces of several ranks the time on the wire is the shortest of a collective, all else is waiting for the last arriver; or one worker is more than 1.1 times as slow as the reference for a while.',
    run: ['export_chrome_trace on every rank', 'all_reduce_perf -b 8 -e 8G -f 2 -g 8 > allreduce.log'],
    change: [
      'overlap: bucket_cap_mb, prefetch',
      'send less: bf16 gradients, no_sync()',
      'balance or replace the late rank',
    ],
    gains: ['MegaScale on 12,288 GPUs: 1.34× over Megatron, the whole stack (NSDI 2024)'],
  },
  'hidden-sync': {
    title: 'hidden synchronisation, copies, checkpoints in the step',
    found:
      'work that was submitted and did not start while the host was in a blocking call; or a GPU that runs dry each time the host reads a result back; or copies that nothing hides; each for more than 5 % of the step.',
    run: [
      'torch.cuda.set_sync_debug_mode(1)',
      'nsys profile -t cuda,nvtx,osrt --cudabacktrace=sync -o sync python train.py',
    ],
    change: [
      'keep values on the GPU; read back once in many steps',
      'pinned memory and non_blocking=True on a second stream (not where memory is pinned already)',
      'save asynchronously',
    ],
    gains: [
      'pin_memory on 8 V100: BERT 1.15×, Swin 1.03× at small batches; 1.02 to 1.03× at large ones (ICSE 2024, table 4)',
      'asynchronous saving: BERT 1.20× (batch 32), 1.52× (768); Swin 1.02×, 1.12× (ICSE 2024, table 3)',
    ],
  },
  scheduling: {
    title: 'scheduling gaps',
    found:
      'GPUs that are not allocated, allocated and idle (utilisation below 1 % for more than 30 % of the time), held by jobs that failed or were cancelled, or asked for by pods that are never scheduled. Occupancy is always from a sweep over start and end, never from a column of states.',
    run: [
      'sacct -a -P -S now-7days --format=JobID,State,ExitCode,Start,End,ElapsedRaw,AllocTRES,Eligible,JobName > jobs.psv',
      'kubectl get pods -A -o json > pods.json',
      'nvidia-smi dmon -s putcm -o TD -d 1 > dmon.txt',
    ],
    change: [
      'gang scheduling, packing, quotas',
      'a reaper for idle allocations; limits for interactive sessions',
      'the right world size; MIG or MPS for small jobs',
    ],
    gains: ['none published that may be carried over: the gain is GPU-hours, at the price of an hour'],
  },
};

/** The explanation as text. */
export function explanationText(cause: Cause): string {
  const { title, found, run, change, gains } = explanations[cause];
  const block = (name: string, texts: readonly string[]) => [`${name}:`, ...texts.map((text) => `  ${text}`)];
  return `${[`${cause}: ${title}`, '', `found by: ${found}`, '', ...block('run', run), '', ...block('change', change), '', ...block('published gains', gains)].join('\n')}\n`;
}
