import { tellingFrames } from '../analysis/attribution.ts';
import { steadyRows } from '../analysis/kernels.ts';
import { isSmallReadBack, type ReadBackCopies, type TraceFacts } from '../analysis/trace-facts.ts';
import { type FindingDraft, noMeasurement, SILENT_BELOW } from '../finding.ts';
import { eventId, gpuKinds } from '../trace/trace.ts';
import { confidenceOf, evidence, ms, percent, perStep, scopeOf, type TraceRule } from './rule.ts';

/** The GPU pauses for about this long between two queued events. */
const START_US = 1;
/** This many gaps must show the same wait before it counts as a pattern of the program. */
const REPEATED = 3;

/**
 * Cause 5: the host waits for the GPU, or the GPU for a copy. Work was queued while a blocking call ran; or the GPU ran dry
 * each time the host read a result back; or copies are not hidden by computation; or a checkpoint is written in the step.
 */
export const hiddenSync: TraceRule = (facts) => {
  const readBack = afterReadBack(facts);
  // A copy counts once: with the read-back that it is part of, where that is found.
  const counted = readBack.length > 0 ? facts.readBackCopies : noCopies;
  return [...queuedBehindCall(facts), ...readBack, ...exposedCopies(facts, counted), ...savingInStep(facts)];
};

const noCopies: ReadBackCopies = { rows: new Set(), exposedUs: 0 };

function queuedBehindCall(facts: TraceFacts): readonly FindingDraft[] {
  const { queued, sum, stepUs } = facts;
  const share = queued.coveredUs / sum.totalUs;
  if (share < SILENT_BELOW || queued.coveredGaps < REPEATED) return [];
  const recoverableUs = perStep(facts, queued.coveredUs);
  return [
    {
      cause: 'hidden-sync',
      title: `submitted work waits ${ms(recoverableUs)} ms of a ${ms(stepUs)} ms step while the host is in a blocking call`,
      scope: scopeOf(facts),
      evidence: [
        evidence(facts, 'queued part of gaps under a blocking call', percent(share), '% of the step'),
        evidence(facts, 'gaps concerned', queued.coveredGaps, 'gaps'),
        ...[...queued.calls].slice(0, 4).map(([name, us]) => evidence(facts, 'covered by', ms(us), 'ms', [name])),
      ],
      shareOfStep: share,
      recoverableUs,
      gpuHours: null,
      expected: noMeasurement,
      confidence: confidenceOf(facts, queued.coveredUs > 0.8 * queued.us),
      disproof: 'if the gap stays after the blocking call was taken out, the GPU waits for something else',
      fix: [
        'take the synchronising call out of the step, or move it to another stream with an event',
        ...(copyKinds(facts).some(({ name }) => /pageable/i.test(name))
          ? ['pin the host buffers and copy with non_blocking=True']
          : []),
      ],
      nextCommand: 'nsys profile -t cuda,nvtx,osrt -s cpu --cudabacktrace=sync -o sync python train.py',
    },
  ];
}

function afterReadBack(facts: TraceFacts): readonly FindingDraft[] {
  const { attribution, sum, stepUs, readBackGaps } = facts;
  const us = attribution.byWork['after a read-back'];
  const share = us / sum.totalUs;
  if (share < SILENT_BELOW) return [];
  const small = smallReadBacks(facts);
  if (small.count < REPEATED) return [];
  // The copies, the gap before each, which is about as long as any between two queued events, and the time until work
  // starts again go with the waits.
  const { rows, exposedUs } = facts.readBackCopies;
  const recoverableUs = perStep(facts, us + exposedUs + rows.size * START_US + facts.startDelays.afterReadBackUs);
  const frames = tellingFrames(attribution.frames['after a read-back']);
  return [
    {
      cause: 'hidden-sync',
      title: `reading results back empties the GPU's queue: ${ms(recoverableUs)} ms of a ${ms(stepUs)} ms step`,
      scope: scopeOf(facts),
      evidence: [
        evidence(facts, 'idle time after the host waited for the GPU', percent(share), '% of the step'),
        evidence(facts, 'copies to the host of less than 4 KB', small.count, 'copies', small.events),
        evidence(facts, 'gaps that begin with such a wait', readBackGaps, 'gaps'),
        ...frames.innermost
          .slice(0, 4)
          .map(([name, part]) => evidence(facts, 'of the wait, innermost frame', percent(part / us), '%', [name])),
      ],
      shareOfStep: recoverableUs / stepUs,
      recoverableUs,
      gpuHours: null,
      expected: noMeasurement,
      confidence: confidenceOf(facts, small.count >= facts.steady.length),
      disproof:
        'if the step is as long without the read-back (.item(), .cpu(), nonzero, print of a tensor), it is not the cause',
      fix: [
        'keep running values on the GPU and read them back only once in many steps',
        'replace .item() and tensor comparisons in Python by torch.where and masked operations',
      ],
      nextCommand:
        'python -c "import torch; torch.cuda.set_sync_debug_mode(1)"  # in the program: warns at each synchronising call',
    },
  ];
}

function smallReadBacks(facts: TraceFacts) {
  const { trace } = facts;
  const rows = steadyRows(facts).filter((row) => isSmallReadBack(trace, row));
  return { count: rows.length, events: Array.from(rows.subarray(0, 5), (row) => eventId(trace.gpu, row)) };
}

function exposedCopies(facts: TraceFacts, counted: ReadBackCopies): readonly FindingDraft[] {
  const { sum, stepUs } = facts;
  const exposedUs = sum.exposedCopyUs - counted.exposedUs;
  const share = exposedUs / sum.totalUs;
  if (share < SILENT_BELOW) return [];
  const recoverableUs = perStep(facts, exposedUs);
  const kinds = copyKinds(facts, counted.rows);
  const main = kinds[0];
  const pageable = /pageable/i.test(main.name);
  return [
    {
      cause: 'hidden-sync',
      mechanism: 'copies',
      title: `copies that no computation hides take ${ms(recoverableUs)} ms of a ${ms(stepUs)} ms step, most of it ${main.name}`,
      scope: scopeOf(facts),
      evidence: [
        evidence(facts, 'exposed copies', percent(share), '% of the step'),
        ...kinds
          .slice(0, 4)
          .flatMap((kind) => [
            evidence(facts, `${kind.name}: time`, ms(kind.us), 'ms', kind.events),
            evidence(facts, `${kind.name}: copies`, kind.count, 'copies'),
            ...(kind.bytes > 0 ? [evidence(facts, `${kind.name}: bandwidth`, gbPerS(kind), 'GB/s')] : []),
          ]),
      ],
      shareOfStep: share,
      recoverableUs,
      gpuHours: null,
      // The published gain is of pinning: it says nothing about copies that are pinned, or stay on the device.
      expected: pageable
        ? 'pin_memory on 8 V100, as published: BERT 1.15×, Swin 1.03× at small batches; for this program the ceiling only'
        : noMeasurement,
      confidence: confidenceOf(facts, share > 0.1),
      disproof: 'if the step is as long with the tensors kept on the GPU, the copies are not the limit',
      fix: /DtoD/.test(main.name)
        ? [
            'avoid copies on the device: .contiguous(), .clone() and concatenation in the step; write into the tensor that is wanted',
          ]
        : [
            ...(pageable ? ['pin the host memory (pin_memory=True); the copy is from pageable memory now'] : []),
            'copy with non_blocking=True on a second stream while the step before computes',
            'copy less: send bytes and convert on the GPU; keep reused data resident',
          ],
      nextCommand: 'nsys stats --report cuda_gpu_mem_time_sum,cuda_gpu_mem_size_sum step.sqlite',
    },
  ];
}

function gbPerS({ bytes, us }: { readonly bytes: number; readonly us: number }): number {
  return Math.round(bytes / us / 10) / 100;
}

function copyKinds(facts: TraceFacts, counted: ReadonlySet<number> = noCopies.rows) {
  const { gpu, names } = facts.trace;
  const kinds = new Map<number, { name: string; us: number; count: number; bytes: number; events: number[] }>();
  for (const row of steadyRows(facts)) {
    if (counted.has(row)) continue;
    if (gpu.kind[row] !== gpuKinds.memcpy && !/copyBuffer|MEMORY_COPY/.test(names.text(gpu.name[row]))) continue;
    const kind = kinds.get(gpu.name[row]) ?? {
      name: names.text(gpu.name[row]),
      us: 0,
      count: 0,
      bytes: 0,
      events: [],
    };
    kind.us += gpu.dur[row];
    kind.count += 1;
    kind.bytes += Number.isNaN(gpu.bytes[row]) ? 0 : gpu.bytes[row];
    if (kind.events.length < 3) kind.events.push(eventId(gpu, row));
    kinds.set(gpu.name[row], kind);
  }
  const sorted = [...kinds.values()].sort((a, b) => b.us - a.us);
  return sorted.length > 0 ? sorted : [{ name: 'copies', us: 0, count: 0, bytes: 0, events: [] }];
}

function savingInStep(facts: TraceFacts): readonly FindingDraft[] {
  const { attribution, sum, stepUs } = facts;
  const us = attribution.byWork.save;
  const share = us / sum.totalUs;
  if (share < SILENT_BELOW) return [];
  const recoverableUs = perStep(facts, us);
  return [
    {
      cause: 'hidden-sync',
      mechanism: 'checkpoint',
      title: `the GPU waits ${ms(recoverableUs)} ms of a ${ms(stepUs)} ms step for a checkpoint to be written`,
      scope: scopeOf(facts),
      evidence: [evidence(facts, 'idle time under save frames', percent(share), '% of the step')],
      shareOfStep: share,
      recoverableUs,
      gpuHours: null,
      expected: 'asynchronous saving, as published: BERT 1.20× (batch 32), 1.52× (768); Swin 1.02×, 1.12×',
      confidence: confidenceOf(facts, true),
      disproof: 'if steps without a save are as long, saving is not the cause',
      fix: ['save asynchronously (torch.distributed.checkpoint.async_save) and less often'],
      nextCommand: 'py-spy record --native -d 60 -o save.svg -p PID  # over a save',
    },
  ];
}
