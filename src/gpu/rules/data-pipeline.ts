import { tellingFrames, workOfName } from '../analysis/attribution.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import { type FindingDraft, SILENT_BELOW } from '../finding.ts';
import { clip, lengthOf, unionOf } from '../intervals.ts';
import { confidenceOf, evidence, ms, percent, perStep, scopeOf, type TraceRule } from './rule.ts';

/**
 * Cause 1: the GPU waits for data. The host part of gaps and head is in a loader, decoder or preprocessing frame for
 * more than 5 % of the step. With N workers a step takes at least the longer of the rest and L/N, L = loader time per step.
 */
export const dataPipeline: TraceRule = (facts) => {
  const { attribution, sum, stepUs } = facts;
  const exposed = attribution.byWork.loader;
  const share = exposed / sum.totalUs;
  if (share < SILENT_BELOW) return [];
  const loaderUs = loaderTimePerStep(facts);
  const recoverableUs = perStep(facts, exposed);
  const frames = tellingFrames(attribution.frames.loader);
  const single = frames.innermost
    .concat(frames.around === undefined ? [] : [frames.around])
    .some(([name]) => name.includes('SingleProcess'));
  const oneWorker = Math.max(stepUs - recoverableUs, loaderUs);
  const draft: FindingDraft = {
    cause: 'data-pipeline',
    ...(single && { mechanism: 'loader-in-turn' as const }),
    title: `the GPU waits ${ms(recoverableUs)} ms of a ${ms(stepUs)} ms step for the next batch${single ? ', which the training process loads itself' : ''}`,
    scope: scopeOf(facts),
    evidence: [
      evidence(facts, 'idle time under loader frames', percent(share), '% of the step'),
      evidence(facts, 'loader time per step, hidden or not', ms(loaderUs), 'ms'),
      evidence(facts, 'step with one prefetching worker, at least', ms(oneWorker), 'ms'),
      evidence(facts, 'step with many workers, at least', ms(stepUs - recoverableUs), 'ms'),
      ...frames.innermost.map(([name, us]) =>
        evidence(facts, 'of the wait, innermost frame', percent(us / exposed), '%', [name]),
      ),
      ...(frames.around === undefined
        ? []
        : [evidence(facts, 'of the wait, under', percent(frames.around[1] / exposed), '%', [frames.around[0]])]),
    ],
    shareOfStep: share,
    recoverableUs,
    gpuHours: null,
    expected: single
      ? 'ResNet-50 on a V100, num_workers 0 to 4: 1.26× on mean steps, 1.40× on median steps'
      : 'ceiling only, no comparable measurement',
    confidence: confidenceOf(facts, share > 0.15),
    disproof:
      'if num_workers=4 (or a constant batch kept on the GPU) leaves the step as long, the loader is not the limit',
    fix: [
      ...(single ? ['DataLoader(num_workers=4, persistent_workers=True, prefetch_factor=2)'] : []),
      ...(single ? [] : ['prepare the next batch in a worker while the GPU computes (num_workers, prefetch_factor)']),
      'move decoding and resizing to the GPU or do them once, offline; cache repeated reads',
    ],
    nextCommand: 'py-spy record --native --subprocesses -d 30 -o loader.svg -p PID',
  };
  return [draft];
};

/** Time of the busiest thread under loader frames, per step. */
function loaderTimePerStep({ trace, steady, sum, stepUs }: TraceFacts): number {
  const { host, names } = trace;
  const isLoader = new Map<number, boolean>();
  const byThread = new Map<number, { starts: number[]; ends: number[] }>();
  for (let row = 0; row < host.length; row += 1) {
    const known = isLoader.get(host.name[row]) ?? workOfName(names.text(host.name[row])) === 'loader';
    isLoader.set(host.name[row], known);
    if (!known) continue;
    const list = byThread.get(host.thread[row]) ?? { starts: [], ends: [] };
    list.starts.push(host.ts[row]);
    list.ends.push(host.ts[row] + host.dur[row]);
    byThread.set(host.thread[row], list);
  }
  let longest = 0;
  for (const { starts, ends } of byThread.values()) {
    const spans = unionOf(starts, ends);
    const us = steady.reduce((total, { start, end }) => total + lengthOf(clip(spans, start, end)), 0);
    longest = Math.max(longest, us);
  }
  return (longest / sum.totalUs) * stepUs;
}
