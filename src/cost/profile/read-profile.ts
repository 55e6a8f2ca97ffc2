import { open, readFile, stat } from 'node:fs/promises';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { diagnose } from '../../gpu/diagnose.ts';
import type { Diagnosis, TraceReport } from '../../gpu/diagnosis.ts';
import type { Finding } from '../../gpu/finding.ts';
import { readSource } from '../../gpu/readers/read-source.ts';
import type { Source } from '../../gpu/source.ts';
import { compareEvidence, type Evidence, evidenceOf } from '../evidence/evidence.ts';
import { type Job, nodesOf } from '../plan/job.ts';
import { loaderOverlapOf, noWaits, type StepFacts } from '../plan/step-model.ts';
import { type LeverFinding, leverFindings } from './finding-levers.ts';
import {
  evidenceOfProfile,
  isMeasuredProfile,
  type MeasuredProfile,
  parseMeasuredProfile,
} from './measured-profile.ts';
import { ownFindings, stepOfTrace, type TraceStep } from './step-of-trace.ts';

/** A measured job, from all the files that describe it. */
export interface JobProfile {
  readonly step: StepFacts;
  /** The measured step, and the one that the model gives for it; seconds. */
  readonly measuredStepS: number;
  readonly loaderMeasured: boolean;
  readonly kernelsKnown: boolean;
  /** Relative spread of the measured step. */
  readonly spread: number;
  readonly precision: MeasuredProfile['fingerprint']['precision'];
  /** The facts of the measurement. */
  readonly evidence: Evidence;
  readonly peakMemoryBytes: number | null;
  readonly gpuMemoryBytes: number | null;
  /** The findings of every diagnosis that was given. */
  readonly findings: readonly LeverFinding[];
  readonly traced: boolean;
  /** The step with the other form of its loader, where the profile does not say which. */
  readonly otherLoader: StepFacts | null;
  readonly files: readonly string[];
  readonly notes: readonly string[];
}

const LARGEST_JSON = 64 * 2 ** 20;

/** Everything that was named, by what it is. */
interface Named {
  readonly measured: readonly MeasuredProfile[];
  readonly diagnoses: readonly Diagnosis[];
  readonly sources: readonly Source[];
}

/**
 * Reads the profile of a job: profiles of `headrace cost profile`, diagnoses as JSON, traces, samples, records of schedulers. At least one
 * measured step must be there. Errors: COST_NO_PROFILE, COST_PROFILE, COST_PROFILE_OTHER, and those of the readers.
 */
export async function readProfile(paths: readonly string[], job: Job): Promise<JobProfile> {
  return profileOf(await filesNamed(paths), paths, job);
}

/** The profile of a job from evidence that was read. Pure. Errors: COST_NO_PROFILE, COST_PROFILE_OTHER. */
function profileOf({ measured, diagnoses, sources }: Named, files: readonly string[], job: Job): JobProfile {
  const all = sources.length === 0 ? diagnoses : [...diagnoses, diagnose(sources)];
  const traces = all.flatMap(({ traces: own, findings }) => own.map((report) => ({ report, findings })));
  const slowest = plannedTrace(traces);
  const [profile] = measured;
  if (profile === undefined && slowest === undefined) throw fail('COST_NO_PROFILE', { job: job.name });
  const silent = [
    ...(profile === undefined ? [] : checkedEvidence('profile', evidenceOfProfile(profile), job)),
    ...traces.flatMap(({ report }) => checkedEvidence('trace', evidenceOfTrace(report), job)),
  ];
  const traced = slowest === undefined ? undefined : stepOfTrace(slowest.report, slowest.findings);
  const joined = joinedStep(profile, traced);
  const precision = profile?.fingerprint.precision ?? slowest?.report.profile.precision ?? null;
  return {
    ...joined,
    evidence: evidenceOfMeasurement(profile, slowest?.report, job),
    spread: profile?.spread ?? 0,
    step: { ...joined.step, gpus: job.gpus },
    findings: leverFindings(all.flatMap(({ findings }) => findings)),
    traced: traced !== undefined,
    otherLoader:
      profile !== undefined || traced === undefined || traced.otherLoader === null
        ? null
        : { ...traced.otherLoader, gpus: job.gpus },
    precision: precision ?? job.precision ?? null,
    peakMemoryBytes: profile?.peakMemoryBytes ?? slowest?.report.profile.peakMemoryBytes ?? null,
    gpuMemoryBytes: profile?.gpuMemoryBytes ?? (job.gpuMemoryGib === undefined ? null : job.gpuMemoryGib * 2 ** 30),
    files,
    notes: [
      ...joined.notes,
      ...silent,
      ...all.flatMap(utilisationNotes),
      ...(traces.length > 1
        ? [
            `one of ${traces.length} GPUs is planned with, of ${nodesOf(job)} nodes: the slowest, or one that waits for a late rank`,
          ]
        : []),
    ],
  };
}

type Traced = { readonly report: TraceReport; readonly findings: readonly Finding[] };

/** The GPU that a plan is made for: one that waits for a late rank, where there is one, since the wait shows there; else the slowest. */
function plannedTrace(traces: readonly Traced[]): Traced | undefined {
  const bySpeed = traces.toSorted((a, b) => b.report.stepUs - a.report.stepUs);
  const waiting = bySpeed.find(({ report, findings }) =>
    leverFindings(ownFindings(report, findings)).some(({ lever }) => lever === 'late-rank'),
  );
  return waiting ?? bySpeed[0];
}

async function filesNamed(paths: readonly string[]): Promise<Named> {
  const measured: MeasuredProfile[] = [];
  const diagnoses: Diagnosis[] = [];
  const sources: Source[] = [];
  for (const path of paths) {
    const value = await smallJson(path);
    if (isMeasuredProfile(value)) measured.push(parseMeasuredProfile(path, value));
    else if (isDiagnosis(value)) diagnoses.push(value);
    else sources.push(await readSource(path));
  }
  return { measured, diagnoses, sources };
}

/** JSON that may be a profile or a diagnosis; undefined for everything else, which the readers of traces look at. */
async function smallJson(path: string): Promise<unknown> {
  try {
    const { size } = await stat(path);
    if (size > LARGEST_JSON) return undefined;
    const head = await headOf(path);
    if (!head.includes('"headrace-cost-profile"') && !head.includes('"verdict"')) return undefined;
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw fail('COST_PROFILE', { path, reason: 'it is not whole JSON' }, error);
    if (isHeadraceError(error)) throw error;
    throw fail(
      'COST_FILE',
      { path, reason: error instanceof Error ? (error.message.split(',')[0] ?? '') : 'unknown' },
      error,
    );
  }
}

/** The first bytes of a file: a trace is not read whole to learn that it is one. */
async function headOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** A diagnosis of this version, by the members that a plan reads. */
function isDiagnosis(value: unknown): value is Diagnosis {
  if (typeof value !== 'object' || value === null || !('traces' in value) || !('findings' in value)) return false;
  if (!('version' in value) || value.version !== 1) return false;
  return Array.isArray(value.findings) && Array.isArray(value.traces) && value.traces.every(isTraceReport);
}

function isTraceReport(value: unknown): value is TraceReport {
  if (typeof value !== 'object' || value === null || !('profile' in value) || !('decomposition' in value)) return false;
  return typeof value.profile === 'object' && value.profile !== null && 'stepUs' in value && Number(value.stepUs) > 0;
}

/** The facts that one side alone says, as notes. Error: COST_PROFILE_OTHER where it says something else. */
function checkedEvidence(kind: 'profile' | 'trace', found: Evidence, job: Job): readonly string[] {
  const differences = compareEvidence(kind, found, job.evidence);
  const wrong = differences.filter(({ state }) => state === 'differs').map(({ text }) => text);
  if (wrong.length > 0) throw fail('COST_PROFILE_OTHER', { kind, differences: wrong.join('; ') });
  return kind === 'trace' ? [] : differences.map(({ text }) => `${text}: it is not compared`);
}

/** That of the measured profile; of a trace, which shows no number of GPUs, with that of the job. */
function evidenceOfMeasurement(
  profile: MeasuredProfile | undefined,
  report: TraceReport | undefined,
  job: Job,
): Evidence {
  if (profile !== undefined) return evidenceOfProfile(profile);
  const traced = report === undefined ? evidenceOf({}) : evidenceOfTrace(report);
  return { ...traced, worldSize: job.gpus };
}

function evidenceOfTrace({ deviceName, profile }: TraceReport): Evidence {
  return evidenceOf({ hardware: deviceName === '' ? null : deviceName, precision: profile.precision });
}

/** One step from a measured profile and a trace: the trace divides the kernels, the profile knows loader and stall. */
function joinedStep(profile: MeasuredProfile | undefined, traced: TraceStep | undefined) {
  if (profile === undefined) {
    if (traced === undefined) throw fail('COST_NO_PROFILE', { job: '' });
    return {
      step: traced.step,
      measuredStepS: traced.stepS,
      loaderMeasured: false,
      kernelsKnown: traced.kernelsKnown,
      notes: [...traced.notes, 'the loader was not measured by itself: run headrace cost profile'],
    };
  }
  const { accumulation, loaderS, gpuBoundStepS, stepS } = profile;
  const loaderOverlap = loaderOverlapOf(accumulation * loaderS, gpuBoundStepS, stepS);
  const base = { loaderMeasured: true, measuredStepS: Math.max(stepS, gpuBoundStepS) };
  if (traced === undefined) {
    const microStepS = gpuBoundStepS / accumulation;
    const step = {
      tensorS: microStepS,
      memoryS: 0,
      otherS: 0,
      loaderS,
      loaderOverlap,
      gapsS: 0,
      ...noWaits,
      allReduceS: 0,
      overlap: 0.7,
      backwardShare: 2 / 3,
      optimizerS: 0,
      accumulation,
      microBatch: profile.microBatch ?? 1,
    };
    return { ...base, step, kernelsKnown: false, notes: ['no trace: kernels, gaps and communication are not divided'] };
  }
  // The trace was recorded with a profiler: its parts are scaled to the step that was measured without one.
  const { step, notes } = traced;
  const tracedBusyS = traced.stepS - traced.loaderStallS;
  const scale = gpuBoundStepS / tracedBusyS;
  return {
    ...base,
    kernelsKnown: traced.kernelsKnown,
    step: {
      ...step,
      tensorS: step.tensorS * scale,
      memoryS: step.memoryS * scale,
      otherS: step.otherS * scale,
      gapsS: step.gapsS * scale,
      syncS: step.syncS * scale,
      copyS: step.copyS * scale,
      saveS: step.saveS * scale,
      lateS: step.lateS * scale,
      allReduceS: step.allReduceS * scale,
      optimizerS: step.optimizerS * scale,
      loaderS,
      loaderOverlap,
      accumulation,
      microBatch: profile.microBatch ?? step.microBatch,
    },
    notes:
      Math.abs(scale - 1) > 0.1 ? [...notes, `the trace is scaled by ${scale.toFixed(2)} to the measured step`] : notes,
  };
}

/** Samples and records say how much of the bill was idle; they are no profile of a step. */
function utilisationNotes({ utilisation, allocation }: Diagnosis): readonly string[] {
  return [
    ...utilisation.map(
      ({ file, mean, nonIdleShare }) =>
        `${file}: utilisation ${mean.toFixed(0)} %, busy at all for ${(100 * nonIdleShare).toFixed(0)} % of the time`,
    ),
    ...allocation.map(({ file, idleGpuHours }) => `${file}: ${idleGpuHours.toFixed(1)} GPU-hours were held idle`),
  ];
}
