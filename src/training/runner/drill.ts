import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { medianOf } from '../../base/median.ts';
import { numberText } from '../../base/number-text.ts';
import { DRILL_FORMAT, type DrillResult, drillObjections, parseDrill } from '../../cost/evidence/drill-result.ts';
import type { Evidence } from '../../cost/evidence/evidence.ts';
import type { TrainingBackend } from '../../ports/training-backend.ts';
import { checkpointNames } from './checkpoints.ts';
import { superviseRun } from './controller.ts';
import { type Heartbeat, readHeartbeat } from './heartbeat.ts';
import type { JournalEntry } from './journal.ts';
import { type Hold, replaceJson } from './run-files.ts';
import type { RunOutcome } from './run-outcome.ts';
import type { RunSpec } from './run-spec.ts';

export interface DrillOptions {
  /** Folder of the drill: its runs and drill.json. */
  readonly folder: string;
  readonly spec: RunSpec;
  /** The facts of the drilled program: the result stands for nothing else. */
  readonly evidence: Evidence;
  /** Steps of each run; enough for several checkpoints. */
  readonly steps: number;
  /** Opens the back end of one run. */
  readonly open: (folder: string) => TrainingBackend;
  readonly onLine?: (line: string) => void;
}

interface DrillRun {
  readonly name: string;
  readonly outcome: RunOutcome;
  readonly last: Heartbeat | null;
  readonly entries: readonly JournalEntry[];
}

/**
 * Proves that a program resumes: it runs to its end, twice; with a kill in the middle; with a kill inside a checkpoint write; and
 * with its newest checkpoint damaged. The drill passes if all end at the same step with the same samples, and the loss is within
 * max(0.001, 3 standard deviations of the two plain runs).
 */
export async function drill(options: DrillOptions): Promise<DrillResult> {
  const { folder, steps } = options;
  rmSync(folder, { recursive: true, force: true });
  const first = await drillRun(options, 'plain');
  // A program that does not end by itself proves nothing more by kills.
  if (first.outcome.state !== 'completed') return reported(options, judge(options, [first], []));
  const plain = [first, await drillRun(options, 'again')];
  const killed = await drillRun(
    options,
    'killed',
    { step: Math.ceil(steps / 2) },
    killOnce((run) => stepOf(run) >= steps / 2),
  );
  const torn = await drillRun(
    options,
    'torn',
    { inSave: true, step: steps - 1 },
    killOnce((run) => isWriting(run) || stepOf(run) >= steps - 1),
  );
  const damaged = await drillRun(
    options,
    'damaged',
    { saved: 2 },
    killOnce((run) => checkpointNames(join(run, 'checkpoints')).length >= 2, damageNewest),
  );
  return reported(options, judge(options, plain, [killed, torn, damaged]));
}

function reported({ folder }: DrillOptions, result: DrillResult): DrillResult {
  replaceJson(join(folder, 'drill.json'), result);
  return result;
}

/** The drill of a folder, if it passed and stands for this program. Error: DRILL_MISSING. */
export function readDrill(folder: string, wanted: Evidence): DrillResult {
  const found = parseDrill(jsonAt(join(folder, 'drill.json')));
  if ('reason' in found) throw fail('DRILL_MISSING', { folder, reason: found.reason });
  const objections = drillObjections(found, wanted);
  if (objections.length > 0) throw fail('DRILL_MISSING', { folder, reason: objections.join('; ') });
  return found;
}

function jsonAt(path: string): unknown {
  try {
    return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
  } catch {
    return null;
  }
}

type Fault = (run: string, kill: () => void) => void;

/** Kills the gang once, when `when` holds. */
function killOnce(when: (run: string) => boolean, then: (run: string) => void = () => undefined): Fault {
  let done = false;
  return (run, kill) => {
    if (done || !when(run)) return;
    done = true;
    kill();
    then(run);
  };
}

async function drillRun(
  { folder, spec, steps, open, onLine }: DrillOptions,
  name: string,
  hold?: Hold,
  fault?: Fault,
): Promise<DrillRun> {
  onLine?.(`drill: ${name}`);
  const run = join(folder, name);
  const backend = open(run);
  const entries: JournalEntry[] = [];
  try {
    const outcome = await superviseRun({
      run: name,
      folder: run,
      spec: { ...spec, targetSteps: steps, pollMs: Math.min(spec.pollMs, 5), killRestarts: 3, budget: null },
      backend,
      hold,
      onEntry: (entry) => entries.push(entry),
      onPoll: () => fault?.(run, () => void backend.signal(`${name}-1`, 'SIGKILL')),
    });
    return { name, outcome, last: readHeartbeat(run, 0, outcome.ledger.attempts.length), entries };
  } finally {
    await backend.close();
  }
}

function judge(
  { evidence, steps }: DrillOptions,
  plain: readonly DrillRun[],
  faulty: readonly DrillRun[],
): DrillResult {
  const [first] = plain;
  const losses = plain.flatMap(({ last }) => last?.loss ?? []);
  const spread = losses.length < 2 ? 0 : Math.abs((losses[0] ?? 0) - (losses[1] ?? 0)) / Math.SQRT2;
  const lossTolerance = Math.max(1e-3, 3 * spread);
  const differences = faulty.flatMap(({ last }) =>
    first?.last?.loss == null || last?.loss == null ? [] : [Math.abs(last.loss - first.last.loss)],
  );
  const lossDifference = differences.length === 0 ? null : Math.max(...differences);
  const problems = [
    ...byReason([...plain, ...faulty], (run) => endProblems(run, steps, first)),
    ...byReason(faulty, resumeProblems),
  ];
  if (lossDifference !== null && lossDifference > lossTolerance)
    problems.push(`the last loss differs by ${numberText(lossDifference)}, more than ${numberText(lossTolerance)}`);
  return {
    format: DRILL_FORMAT,
    evidence,
    passed: problems.length === 0,
    problems,
    steps,
    ...measured([...plain, ...faulty]),
    lossDifference,
    lossTolerance,
  };
}

/** Each reason once, with all runs that it holds for. */
function byReason(runs: readonly DrillRun[], problemsOf: (run: DrillRun) => readonly string[]): string[] {
  const names = new Map<string, string[]>();
  for (const run of runs)
    for (const reason of problemsOf(run)) names.set(reason, [...(names.get(reason) ?? []), run.name]);
  return [...names].map(([reason, of]) => `${of.join(', ')}: ${reason}`);
}

/** A run that did not complete has this one problem: what it lacks follows from it. */
function endProblems({ outcome, last }: DrillRun, steps: number, first: DrillRun | undefined): readonly string[] {
  if (outcome.state !== 'completed') return [`ended ${outcome.state} (${outcome.class}): ${outcome.hint}`];
  return [
    ...(last?.step === steps ? [] : [`ended at step ${last?.step ?? 0} of ${steps}`]),
    ...(last?.samples === first?.last?.samples
      ? []
      : [`consumed ${last?.samples} samples, not ${first?.last?.samples}`]),
  ];
}

function resumeProblems({ outcome, entries }: DrillRun): readonly string[] {
  const regressed = entries
    .filter(({ event }) => event === 'regressed')
    .map(
      ({ data }) =>
        `rank ${data['rank']} went back to step ${data['step']}, before its checkpoint of step ${data['checkpoint']}`,
    );
  if (outcome.state !== 'completed') return regressed;
  if (outcome.ledger.attempts.length === 1)
    return [...regressed, 'the program ended before it was killed: give the drill more steps'];
  const resumed = outcome.ledger.attempts.some(({ attempt, fromStep }) => attempt > 1 && fromStep > 0);
  return resumed ? regressed : [...regressed, 'no attempt resumed from a checkpoint'];
}

/** δ, R and the size of a checkpoint, from the journals. */
function measured(runs: readonly DrillRun[]) {
  const entries = runs.map((run) => run.entries);
  const spans = (from: (entry: JournalEntry) => boolean, to: (entry: JournalEntry) => boolean) =>
    entries.flatMap((list) =>
      list.flatMap((entry, index) => {
        if (!from(entry)) return [];
        const end = list.slice(index).find((later) => later.attempt === entry.attempt && to(later));
        return end === undefined ? [] : [(end.mono - entry.mono) / 1000];
      }),
    );
  const into = (state: string) => (entry: JournalEntry) => entry.event === 'state' && entry.data['to'] === state;
  const bytes = entries.flat().flatMap(({ event, data }) => (event === 'checkpoint' ? [Number(data['bytes'])] : []));
  return {
    checkpointSeconds: median(spans(into('checkpointing'), ({ event }) => event === 'checkpoint')),
    restartSeconds: median(spans((entry) => entry.event === 'submitted' && entry.attempt > 1, into('running'))),
    checkpointBytes: median(bytes),
  };
}

function median(values: readonly number[]): number | null {
  return values.length === 0 ? null : medianOf(values);
}

function stepOf(run: string): number {
  return readHeartbeat(run, 0, 1)?.step ?? 0;
}

function isWriting(run: string): boolean {
  return checkpointNames(join(run, 'checkpoints')).length > 0 && unfinished(run);
}

function unfinished(run: string): boolean {
  return (
    existsSync(join(run, 'checkpoints')) &&
    readdirSync(join(run, 'checkpoints')).some((name) => name.startsWith('.tmp-'))
  );
}

/** Changes the last byte of the largest file of the newest checkpoint. */
function damageNewest(run: string): void {
  const [newest] = checkpointNames(join(run, 'checkpoints'));
  if (newest === undefined) return;
  const folder = join(run, 'checkpoints', newest);
  const [largest] = readdirSync(folder)
    .filter((name) => name !== 'manifest.json')
    .sort((a, b) => statSync(join(folder, b)).size - statSync(join(folder, a)).size);
  if (largest === undefined) return;
  const bytes = readFileSync(join(folder, largest));
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 0xff;
  writeFileSync(join(folder, largest), bytes);
}
