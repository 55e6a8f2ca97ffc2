import { tellingFrames } from '../analysis/attribution.ts';
import { criticalPath, hostShareOf } from '../analysis/critical-path.ts';
import { launchPace, steadyRows } from '../analysis/kernels.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import { noMeasurement, SILENT_BELOW } from '../finding.ts';
import { confidenceOf, evidence, hasName, ms, percent, perStep, scopeOf, type TraceRule } from './rule.ts';

/** Above this share of bare time the frames do not tell what the host did. */
const TOO_BARE = 0.6;

/** A larger batch is advised where the GPU is busy, and its memory filled, at most so much. */
const ROOM_BELOW = 0.5;

/**
 * Cause 3: the host submits work more slowly than the GPU finishes it. Gaps are host part, the launching thread is in
 * operators and Python, and the queue is empty at launch. A step takes at least the busy time.
 */
export const launchOverhead: TraceRule = (facts) => {
  const { attribution, sum, gapSums, stepUs } = facts;
  const frames = attribution.frames.other;
  const us = attribution.byWork.other;
  if (us / sum.totalUs < SILENT_BELOW || frames.unrecordedUs > TOO_BARE * us) return [];
  const pace = launchPace(facts);
  // With each gap goes the time from its launch to the start: a step takes at least the busy time.
  const recoverableUs = Math.min(perStep(facts, us + facts.startDelays.otherUs), perStep(facts, sum.idleUs));
  const share = recoverableUs / stepUs;
  if (share < SILENT_BELOW) return [];
  const middle = gapSums['30 µs – 1 ms'];
  const hostShare = middle.us === 0 ? 0 : middle.hostUs / middle.us;
  const behind = pace.medianQueueLength <= 1 && pace.medianLaunchIntervalUs > pace.medianKernelUs;
  const telling = tellingFrames(frames);
  const path = criticalPath(facts);
  const memory = memoryShare(facts);
  const graphed = launchesGraphs(facts);
  const roomForBatch = sum.busyUs <= ROOM_BELOW * sum.totalUs && memory <= ROOM_BELOW;
  return [
    {
      cause: 'launch-overhead',
      title: `the host launches too slowly: the GPU idles ${ms(recoverableUs)} ms of a ${ms(stepUs)} ms step between its ${Math.round(pace.launchesPerStep)} launches`,
      scope: scopeOf(facts),
      evidence: [
        evidence(facts, 'idle time while nothing was submitted', percent(us / sum.totalUs), '% of the step'),
        evidence(facts, 'gaps of 30 µs to 1 ms', middle.count, 'gaps'),
        evidence(facts, 'gaps of 30 µs to 1 ms', ms(middle.us), 'ms'),
        evidence(facts, 'of these, host part', percent(hostShare), '%'),
        evidence(facts, 'launches per step', Math.round(pace.launchesPerStep), 'launches'),
        evidence(facts, 'median kernel', round(pace.medianKernelUs), 'µs'),
        evidence(facts, 'median time between launches', round(pace.medianLaunchIntervalUs), 'µs'),
        evidence(facts, 'median number of launched events that wait, at launch', pace.medianQueueLength, 'events'),
        ...(Number.isNaN(memory)
          ? []
          : [evidence(facts, 'peak memory that tensors took, of the GPU', percent(memory), '%')]),
        ...(path === undefined
          ? []
          : [evidence(facts, 'of the critical path of a typical step, the host', percent(hostShareOf(path)), '%')]),
        ...telling.innermost.map(([name, part]) =>
          evidence(facts, 'of the wait, innermost frame', percent(part / us), '%', [name]),
        ),
        ...(telling.around === undefined
          ? []
          : [evidence(facts, 'of the wait, under', percent(telling.around[1] / us), '%', [telling.around[0]])]),
      ],
      shareOfStep: share,
      recoverableUs,
      gpuHours: null,
      expected: graphed
        ? noMeasurement
        : 'CUDA graphs, as published: Mask R-CNN 1.70×, BERT 1.12×, Llama-8B decode 1.65×; for this program the ceiling only',
      confidence: confidenceOf(facts, behind && hostShare >= 0.9),
      disproof:
        'if a CUDA graph of the step (or torch.compile with mode="reduce-overhead") leaves it as long, launching is not the limit',
      fix: [
        graphed
          ? 'some work is launched by graphs already: put the launches between them into one'
          : hasName(facts, /Torch-Compiled Region|CompiledFunction|inductor/)
            ? 'CUDA/HIP graphs around the compiled step: torch.compile(model, mode="reduce-overhead"), or torch.cuda.graph'
            : 'CUDA/HIP graphs: torch.cuda.graph around the step, or torch.compile(model, mode="reduce-overhead"), whose fused kernels may save time beyond this bound',
        ...(hasName(facts, /_fused_(adam|adamw|sgd)/)
          ? []
          : [
              'fused or foreach optimizer: torch.optim.AdamW(params, fused=True); zero_grad(set_to_none=True): fewer launches',
            ]),
        ...(roomForBatch
          ? [
              'a larger batch makes kernels longer for the same number of launches, and memory has room for it; samples a second may grow beyond this bound, which two batch sizes would measure; it changes the learning rate that fits',
            ]
          : []),
      ],
      nextCommand: 'nsys profile -t cuda,nvtx,osrt --cuda-graph-trace=node -o step python train.py',
    },
  ];
};

/** Whether some of the work in steady steps is launched by CUDA or HIP graphs. */
function launchesGraphs(facts: TraceFacts): boolean {
  const { host, names } = facts.trace;
  const isGraph = names.tester(/GraphLaunch/);
  return steadyRows(facts).some((row) => {
    const launch = facts.launches.ofGpu[row];
    return launch >= 0 && isGraph(host.name[launch]);
  });
}

/** Peak memory of tensors as a share of the device; NaN if the trace does not tell it (profile_memory=True). */
function memoryShare({ trace, device }: TraceFacts): number {
  const properties = trace.devices.find(({ id }) => id === device);
  const bytes = properties?.memoryBytes ?? 0;
  return trace.peakMemoryBytes === undefined || bytes <= 0 ? Number.NaN : trace.peakMemoryBytes / bytes;
}

function round(us: number): number {
  return Math.round(us * 10) / 10;
}
