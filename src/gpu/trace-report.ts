import { criticalPath } from './analysis/critical-path.ts';
import { decompose } from './analysis/decompose.ts';
import { topKernels } from './analysis/kernels.ts';
import type { OperatorFacts } from './analysis/operators/operators.ts';
import { stepProfile } from './analysis/step-profile.ts';
import { leftOutTexts, windowNames } from './analysis/steps.ts';
import type { TraceFacts } from './analysis/trace-facts.ts';
import type { Limitation } from './diagnose-trace.ts';
import type { TraceReport } from './diagnosis.ts';
import { severityOf } from './finding.ts';
import { timelineOf } from './report/timeline.ts';

/** The part of the report about one device of one trace, besides the findings. */
export function traceReport(
  facts: TraceFacts,
  operators: OperatorFacts | undefined,
  limitations: readonly Limitation[],
): TraceReport {
  const { trace, busy, sum, windows } = facts;
  const spans = busy.all;
  const properties = trace.devices.find(({ id }) => id === facts.device) ?? trace.devices[0];
  return {
    file: facts.file,
    source: trace.source,
    rank: trace.rank ?? null,
    device: facts.device,
    deviceName: properties?.name ?? '',
    window: windowNames[windows[0].kind],
    steps: windows.map(({ name, start, end, leftOut }) => ({
      name,
      us: end - start,
      leftOut: leftOut === undefined ? null : leftOutTexts[leftOut],
    })),
    stepUs: facts.stepUs,
    decomposition: sum,
    gpuSpan: decompose(busy, spans.starts[0], spans.ends[spans.ends.length - 1]),
    idleSeverity: severityOf(sum.idleUs / sum.totalUs),
    gaps: facts.gapSums,
    hostWork: facts.attribution.byWork,
    topKernels: topKernels(facts).slice(0, 10),
    operators: operators?.operators.slice(0, 20) ?? [],
    operatorsShare: operators?.knownShare ?? null,
    criticalPath: criticalPath(facts) ?? null,
    profile: stepProfile(facts, operators),
    timeline: timelineOf(facts),
    limitations: limitations.map(({ text }) => text),
  };
}
