import type { Diagnosis, TraceReport } from '../diagnosis.ts';
import type { Evidence, Finding } from '../finding.ts';
import { processText } from '../rules/processes.ts';
import { operatorText } from '../rules/roofline.ts';
import { ms, percent } from '../rules/rule.ts';

/** The diagnosis for a terminal: short, ranked. With `all`, every line of evidence and the levels. */
export function terminalReport(diagnosis: Diagnosis, all = false): string {
  const lines: string[] = [diagnosis.summary, ''];
  for (const { file, mean, nonIdleShare, meanOfNonIdle, idleShare, saturatedShare } of diagnosis.utilisation)
    lines.push(
      nonIdleShare === 0
        ? `${file}: utilisation ${mean.toFixed(1)} %: below 1 % all the time`
        : `${file}: utilisation ${mean.toFixed(1)} % = ${percent(nonIdleShare)} % of the time non-idle × ${meanOfNonIdle.toFixed(1)} % then (${percent(idleShare)} % below 1, ${percent(saturatedShare)} % at 95 or more)`,
    );
  for (const use of diagnosis.utilisation) lines.push(...activityLine(use));
  for (const { file, allocatedShare, nonIdleShare, meanOfNonIdle, jobs } of diagnosis.allocation)
    lines.push(
      nonIdleShare === 0
        ? `${file}: with the jobs, ${percent(allocatedShare)} % allocated and idle all of that time (${jobs.length} jobs)`
        : `${file}: with the jobs, ${(allocatedShare * nonIdleShare * meanOfNonIdle).toFixed(1)} % = ${percent(allocatedShare)} % allocated × ${percent(nonIdleShare)} % non-idle × ${meanOfNonIdle.toFixed(1)} % then (${jobs.length} jobs)`,
    );
  for (const one of diagnosis.processes) lines.push(`${one.file}: ${processText(one)}`);
  for (const { path, kind, what } of diagnosis.files)
    if (!['trace', 'samples', 'distribution', 'processes', 'ncu'].includes(kind)) lines.push(`${path}: ${what}`);
  for (const trace of diagnosis.traces) lines.push(...traceLines(trace), ...(all ? operatorLines(trace) : []), '');
  for (const kernel of diagnosis.kernels)
    lines.push(
      `${kernel.name.slice(0, 70)}: ${kernel.verdict}${kernel.memoryLevel === null ? '' : ` (${kernel.memoryLevel})`}, SM ${shareText(kernel.smPercent)}, memory ${shareText(kernel.memoryPercent)}`,
    );
  lines.push('');
  const several =
    new Set(diagnosis.findings.map(({ scope }) => scopeText(scope))).size > 1 || diagnosis.files.length > 1;
  for (const [index, finding] of diagnosis.findings.entries())
    lines.push(...findingLines(finding, index + 1, all, several), '');
  for (const reason of diagnosis.reasons) lines.push(`unanswered: ${reason}`);
  for (const { path, code, message } of diagnosis.refused) lines.push(`not read: ${path}: ${code}: ${message}`);
  // Of several GPUs of a trace each has the same.
  const limitations = [
    ...new Set([
      ...diagnosis.limitations,
      ...diagnosis.traces.flatMap(({ file, limitations: own }) => own.map((text) => `${file}: ${text}`)),
    ]),
  ];
  for (const text of all ? limitations : limitations.slice(0, 6)) lines.push(`note: ${text}`);
  if (!all && limitations.length > 6) lines.push(`note: ${limitations.length - 6} more with --all`);
  if (all) lines.push('', ...levelLines(diagnosis));
  return `${lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()}\n`;
}

/** A percentage that may not be known. */
function shareText(share: number): string {
  return Number.isNaN(share) ? 'unknown' : `${share} %`;
}

/** The activity of SMs, Tensor Cores and memory while the GPU was busy, if recorded. */
function activityLine({
  file,
  smActive,
  tensorActive,
  dramActive,
}: Diagnosis['utilisation'][number]): readonly string[] {
  const parts = [
    ['SMs', smActive],
    ['Tensor Cores', tensorActive],
    ['DRAM', dramActive],
  ] as const;
  const known = parts.filter(([, share]) => !Number.isNaN(share)).map(([name, share]) => `${name} ${percent(share)} %`);
  return known.length === 0 ? [] : [`${file}: active on average: ${known.join(', ')}`];
}

/** How the step is divided, one line. */
function divisionText({ decomposition: d }: TraceReport): string {
  const part = (us: number) => `${percent(us / d.totalUs).toFixed(1)} %`;
  return `computation ${part(d.computationUs)}, exposed communication ${part(d.exposedCommunicationUs)}, exposed copies ${part(d.exposedCopyUs)}, idle ${part(d.idleUs)}`;
}

function traceLines(trace: TraceReport): readonly string[] {
  const { file, rank, device, deviceName, stepUs, window, steps, gpuSpan } = trace;
  const steady = steps.filter(({ leftOut }) => leftOut === null).length;
  const where = [
    rank === null ? undefined : `rank ${rank}`,
    `GPU ${device}`,
    deviceName === '' ? undefined : deviceName,
  ]
    .filter((text) => text !== undefined)
    .join(', ');
  return [
    `${file} (${where})`,
    `  ${window === 'GPU span' ? 'GPU span' : window === 'named range' ? `range "${steps[0]?.name ?? ''}"` : `median of ${steady} steady step${steady === 1 ? '' : 's'}`}: ${ms(stepUs)} ms`,
    `  ${divisionText(trace)}`,
    `  from the first to the last GPU event: ${percent(gpuSpan.idleUs / gpuSpan.totalUs)} % idle`,
    ...(trace.criticalPath === null ? [] : [`  ${pathText(trace.criticalPath)}`]),
  ];
}

/** The parts of the critical path, and its largest one, in a line. */
export function pathText({ step, us, parts, top }: NonNullable<TraceReport['criticalPath']>): string {
  const most = Object.entries(parts)
    .filter(([, part]) => part >= 0.01 * us)
    .sort((a, b) => b[1] - a[1])
    .map(([part, own]) => `${part} ${percent(own / us).toFixed(1)} %`);
  const names = top
    .filter(({ us: own }) => own >= 0.05 * us)
    .slice(0, 3)
    .map(({ name, us: own }) => `${name.slice(0, 60)} (${ms(own)} ms)`);
  return `critical path of ${step}: ${most.join(', ')}${names.length === 0 ? '' : `; most in ${names.join(', ')}`}`;
}

/** The longest operators with shapes, and what each reaches. */
function operatorLines({ operators }: TraceReport): readonly string[] {
  return operators.slice(0, 10).map((one) => `  ${operatorText(one)}${peakText(one)}`);
}

/** Behind the speed of an operator: its share of the peak that bounds it. */
function peakText({ bound, shareOfPeak }: TraceReport['operators'][number]): string {
  return bound === null || shareOfPeak === null ? '' : `: ${percent(shareOfPeak)} % of the ${bound} peak`;
}

function findingLines(finding: Finding, number: number, all: boolean, several: boolean): readonly string[] {
  const {
    severity,
    cause,
    title,
    shareOfStep,
    ceiling,
    remainingStepUs,
    confidence,
    expected,
    evidence,
    fix,
    disproof,
    nextCommand,
    gpuHours,
  } = finding;
  const gain = [
    shareOfStep === null ? undefined : `${percent(shareOfStep)} % of the step`,
    ceiling === null ? undefined : `at most ${ceiling.toFixed(2)}× faster`,
    remainingStepUs === null ? undefined : `${ms(remainingStepUs)} ms would remain${several ? stepText(finding) : ''}`,
    gpuHours === null ? undefined : `${gpuHours.toFixed(1)} GPU-hours`,
    `confidence ${confidence}`,
  ].filter((text) => text !== undefined);
  const shown = all ? evidence : evidence.slice(0, 5);
  return [
    `${number}. ${severity} · ${cause} · ${title}`,
    `   ${gain.join(' · ')}`,
    ...(several ? [`   in ${scopeText(finding.scope)}`] : []),
    `   expected: ${expected}`,
    ...shown.map((row) => `   - ${evidenceText(row)}`),
    ...fix.map((text) => `   fix: ${text}`),
    `   disproof: ${disproof}`,
    `   next: ${nextCommand}`,
  ];
}

/** The rank whose step a remainder is of. */
export function stepText({ step }: Finding): string {
  return step === null || step.rank === null ? '' : ` of rank ${step.rank}'s ${ms(step.us)} ms`;
}

/** Where a finding is, if there are several places. */
function scopeText({ file, rank, device }: Finding['scope']): string {
  return [file, ...(rank === null ? [] : [`rank ${rank}`]), ...(device === null ? [] : [`GPU ${device}`])].join(', ');
}

/** One line of evidence. */
export function evidenceText({ what, value, unit, events }: Evidence): string {
  const which =
    events === undefined || events.length === 0
      ? ''
      : ` [${events.map((event) => String(event).slice(0, 90)).join(', ')}]`;
  return `${what}: ${value}${unit === '' || unit.startsWith('%') ? (unit === '' ? '' : ` ${unit}`) : ` ${unit}`}${which}`;
}

function levelLines({ levels }: Diagnosis): readonly string[] {
  return levels.flatMap(({ level, title, evidence, missing }) => [
    `level ${level}, ${title}: ${evidence.length === 0 ? 'no evidence' : evidence.join('; ')}`,
    ...(missing === undefined ? [] : [`  to collect: ${missing}`]),
  ]);
}
