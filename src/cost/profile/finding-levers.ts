import type { Finding } from '../../gpu/finding.ts';

/** The technique of a plan that answers each finding of a diagnosis; null: a plan of one job's step has none. */
export type Lever =
  | 'data-pipeline'
  | 'hidden-sync'
  | 'copies'
  | 'async-save'
  | 'late-rank'
  | 'gradient-overlap'
  | 'compile'
  | 'mixed-precision'
  | null;

/** A finding next to the technique that answers it. */
export interface LeverFinding {
  readonly id: string;
  readonly title: string;
  readonly lever: Lever;
  /** The most that the technique can gain by it; null where there is no step. */
  readonly ceiling: number | null;
  /** Share of the step that it can recover, 0 to 1. */
  readonly share: number;
  /** GPU-hours concerned; for findings about scheduling. */
  readonly gpuHours: number | null;
  readonly fix: string;
}

/** The lever of a finding, by its cause, and by its mechanism where a cause has several. */
function leverOf({ cause, mechanism }: Pick<Finding, 'cause' | 'mechanism'>): Lever {
  switch (cause) {
    case 'data-pipeline':
      return 'data-pipeline';
    case 'launch-overhead':
      return 'compile';
    case 'multi-gpu':
      return mechanism === 'late-rank' ? 'late-rank' : 'gradient-overlap';
    case 'hidden-sync':
      if (mechanism === 'copies') return 'copies';
      return mechanism === 'checkpoint' ? 'async-save' : 'hidden-sync';
    case 'kernel-efficiency':
      return mechanism === 'precision' ? 'mixed-precision' : 'compile';
    case 'scheduling':
      return null;
  }
}

/** Every finding with its lever: none is dropped. */
export function leverFindings(findings: readonly Finding[]): readonly LeverFinding[] {
  return findings.map((finding) => ({
    id: finding.id,
    title: finding.title,
    lever: leverOf(finding),
    ceiling: finding.ceiling,
    share:
      finding.step === null || finding.recoverableUs === null
        ? 0
        : Math.min(1, Math.max(0, finding.recoverableUs / finding.step.us)),
    gpuHours: finding.gpuHours,
    fix: finding.fix[0] ?? '',
  }));
}

/** Frames of a process that only waits for its workers. */
const waitsForWorkers =
  /MultiProcessing|queues?\.py|queue\b|connection\.py|selectors\.py|threading\.py|_get_data|poll\b/;
/** Frames that say that a loader is at work, and not in which process. */
const anyLoader = /^enumerate\(DataLoader\)#?$|dataloader\.py\(\d+\): (__next__|_next_data)/;

/**
 * How the loader of a finding runs: in turn with the GPU, where the training process itself decodes or names the loader of one process;
 * in workers, where it waits for them. `open` where the frames say neither.
 */
export function loaderForm({
  mechanism,
  evidence,
}: Pick<Finding, 'mechanism' | 'evidence'>): 'in turn' | 'workers' | 'open' {
  const names = evidence.flatMap(({ events = [] }) => events.filter((one) => typeof one === 'string'));
  if (mechanism === 'loader-in-turn' || names.some((name) => name.includes('SingleProcess'))) return 'in turn';
  if (names.some((name) => waitsForWorkers.test(name))) return 'workers';
  return names.some((name) => !anyLoader.test(name)) ? 'in turn' : 'open';
}

/** Time of the loader in a step, hidden or not, seconds; null where the finding does not have it. */
export function loaderTimeS({ evidence }: Finding): number | null {
  const found = evidence.find(({ what, unit }) => what.startsWith('loader time per step') && unit === 'ms');
  return typeof found?.value === 'number' ? found.value / 1000 : null;
}
