import { criticalPath } from '../analysis/critical-path.ts';
import { workClassifier } from '../analysis/decompose.ts';
import { steadyRows } from '../analysis/kernels.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import { noMeasurement } from '../finding.ts';
import { eventId } from '../trace/trace.ts';
import { confidenceOf, evidence, ms, percent, perStep, scopeOf, type TraceRule } from './rule.ts';

/** Exposed communication below this share of the step is silent. */
const EXPOSED_FROM = 0.1;

/**
 * Cause 4, from one rank: communication that no computation hides. How much of it is waiting for a late rank, only the traces
 * of several ranks tell (join/ranks.ts); so confidence is medium at most.
 */
export const multiGpu: TraceRule = (facts) => {
  const { sum, stepUs } = facts;
  const share = sum.exposedCommunicationUs / sum.totalUs;
  if (share < EXPOSED_FROM) return [];
  const exposedUs = perStep(facts, sum.exposedCommunicationUs);
  // All that is advised is bounded by it: overlap hides it, sending less shortens it.
  const recoverableUs = exposedUs + perStep(facts, facts.startDelays.beforeCommunicationUs);
  const hidableUs = Math.min(exposedUs, perStep(facts, sum.computationUs));
  const confidence = confidenceOf(facts, true) === 'low' ? 'low' : 'medium';
  const path = criticalPath(facts);
  return [
    {
      cause: 'multi-gpu',
      title: `communication that no computation hides takes ${ms(exposedUs)} ms of a ${ms(stepUs)} ms step`,
      scope: scopeOf(facts),
      evidence: [
        evidence(facts, 'exposed communication', percent(share), '% of the step'),
        evidence(facts, 'share of communication hidden by computation', percent(sum.overlap ?? 0), '%'),
        evidence(facts, 'of it, as much as computation could hide', ms(hidableUs), 'ms'),
        ...(path === undefined
          ? []
          : [
              evidence(
                facts,
                'of the critical path of a typical step, communication',
                percent(path.parts.communication / path.us),
                '%',
              ),
            ]),
        ...collectiveSums(facts)
          .slice(0, 4)
          .map(({ name, us, count, events }) => evidence(facts, `${name}, ${count} times`, ms(us), 'ms', events)),
      ],
      shareOfStep: recoverableUs / stepUs,
      recoverableUs,
      gpuHours: null,
      expected: noMeasurement,
      confidence,
      disproof: 'if a run on one GPU with the same batch per GPU has the same step, communication is not the limit',
      fix: [
        'overlap it: DDP bucket_cap_mb, FSDP backward_prefetch and forward_prefetch, gradient_as_bucket_view',
        sendsHalf(facts)
          ? 'send less: no_sync() while gradients accumulate'
          : 'send less: bf16 gradients, no_sync() while gradients accumulate',
        'give the traces of all ranks: a late rank makes the others wait, and no network setting fixes that',
      ],
      nextCommand: 'headrace gpu diagnose rank*.json.gz',
    },
  ];
};

/** Whether the gradients are sent in 16 bits already: no collective whose type is known is of single precision. */
function sendsHalf({ trace }: TraceFacts): boolean {
  const types = [...trace.collectives.values()].map(({ dtype }) => dtype).filter((dtype) => dtype !== '');
  return types.length > 0 && types.every((dtype) => /half|bfloat16|float16|float8|byte|char/i.test(dtype));
}

/** Communication kernels by collective or kernel name, the longest first. */
function collectiveSums(facts: TraceFacts) {
  const { gpu, names, collectives } = facts.trace;
  const workOf = workClassifier(facts.trace);
  const sums = new Map<string, { name: string; us: number; count: number; events: number[] }>();
  for (const row of steadyRows(facts)) {
    if (workOf(row) !== 'communication') continue;
    const name = collectives.get(row)?.name ?? names.text(gpu.name[row]);
    const sum = sums.get(name) ?? { name, us: 0, count: 0, events: [] };
    sum.us += gpu.dur[row];
    sum.count += 1;
    if (sum.events.length < 3) sum.events.push(eventId(gpu, row));
    sums.set(name, sum);
  }
  return [...sums.values()].sort((a, b) => b.us - a.us);
}
