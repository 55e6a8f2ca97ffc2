import type { PartKind } from '../observe/part-kind.ts';
import type { Sample } from '../ports/part.ts';
import type { ModelEntry } from './cache/model-entry.ts';
import type { ServedVersion } from './cache/served-version.ts';
import { type CallerCounts, failureReasons } from './queue/model-statistics.ts';

/** The row of a loaded version in the status. */
export interface InferenceRow {
  readonly model: string;
  readonly version: string;
  readonly place: string;
  readonly pending: number;
  readonly p99Ms: number | null;
  readonly sizeBytes: number;
  /** Its cold start, ms: from the order to load it until it could answer. */
  readonly loadMs: number;
  /** Its requests by caller, the most frequent first; times are sums over answered ones. */
  readonly callers: readonly CallerRow[];
}

/** The requests of the key of a caller; empty: no key, `*`: further keys together. */
export interface CallerRow extends Readonly<CallerCounts> {
  readonly caller: string;
}

/** Callers of a row of the status. */
const MOST_CALLERS = 10;

/** The share of the inference part in the status. */
export interface InferenceStatus {
  readonly inference: readonly InferenceRow[];
}

/** The loaded versions of a process. */
interface Host {
  versions(): readonly ServedVersion[];
  readonly entries: ReadonlyMap<string, ModelEntry>;
  /** Memory that they take, bytes. */
  readonly sizeBytes: number;
}

const labels = ['model', 'version'];
const US_PER_MS = 1_000;

/** Bounds of request durations, s. */
const BOUNDS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;

function labelsOf({ name, version }: ServedVersion): Readonly<Record<string, string>> {
  return { model: name, version };
}

function counter(name: string, unit: string, help: string, value: (served: ServedVersion) => number) {
  return {
    name,
    type: 'counter' as const,
    unit,
    labels,
    help,
    read: (host: Host): readonly Sample[] => host.versions().map((one) => [labelsOf(one), value(one)]),
  };
}

/** Models that answer callers who send tensors. Their figures have the names and units of Triton's. */
export const inferencePart: PartKind<Host, InferenceStatus> = {
  name: 'inference',
  figures: [
    counter(
      'nv_inference_request_success',
      'requests',
      'Answered requests of a loaded version: of tensors, predictions, pipelines and streams',
      (one) => one.statistics.success.count,
    ),
    {
      name: 'nv_inference_request_failure',
      type: 'counter',
      unit: 'requests',
      labels: [...labels, 'reason'],
      help: `Failed inference requests of a loaded version by reason: ${failureReasons.join(', ')}`,
      read: (host) =>
        host
          .versions()
          .flatMap((one) =>
            failureReasons.map((reason): Sample => [{ ...labelsOf(one), reason }, one.statistics.failures[reason]]),
          ),
    },
    counter('nv_inference_count', 'rows', 'Rows of answered inference requests', (one) => one.statistics.inferences),
    counter(
      'nv_inference_exec_count',
      'runs',
      'Runs of a model; rows over runs is the mean batch',
      (one) => one.statistics.executions,
    ),
    {
      name: 'nv_inference_pending_request_count',
      type: 'gauge',
      unit: 'requests',
      labels,
      help: 'Inference requests that wait for a run',
      read: (host) => host.versions().map((one) => [labelsOf(one), one.queue.pending]),
    },
    counter(
      'nv_inference_request_duration_us',
      'µs',
      'Time of answered requests, from arrival to answer',
      (one) => one.statistics.success.ms * US_PER_MS,
    ),
    counter(
      'nv_inference_queue_duration_us',
      'µs',
      'Time that answered requests waited for their run',
      (one) => one.statistics.queue.ms * US_PER_MS,
    ),
    counter(
      'nv_inference_compute_infer_duration_us',
      'µs',
      'Time of the runs of answered requests',
      (one) => one.statistics.computeInfer.ms * US_PER_MS,
    ),
    {
      name: 'headrace_inference_seconds',
      type: 'histogram',
      unit: 's',
      labels,
      help: 'Time of answered inference requests, from arrival to answer',
      boundsS: BOUNDS_S,
      read: (host) => host.versions().map((one) => [labelsOf(one), one.statistics.durations] as const),
    },
    {
      name: 'headrace_inference_memory_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: [],
      help: 'Memory that loaded models took when they were loaded',
      read: (host) => [[{}, host.sizeBytes]],
    },
  ],
  health: (host) =>
    [...host.entries.values()].flatMap(({ name, reason, holds }) =>
      reason === ''
        ? []
        : [`model ${name} could not be loaded: ${reason}${holds.length > 0 ? '; the version before answers' : ''}`],
    ),
  status: (host) => ({
    inference: host.versions().map((one) => ({
      model: one.name,
      version: one.version,
      place: one.place,
      pending: one.queue.pending,
      p99Ms: one.statistics.durations.percentile(0.99),
      sizeBytes: one.sizeBytes,
      loadMs: one.loadMs,
      callers: frequent([...one.statistics.callers].map(([caller, counts]) => ({ caller, ...counts }))),
    })),
  }),
  // The processes of a group have a queue and a copy of a model each.
  merge: (shares) => {
    const rows = shares.flatMap(({ inference }) => inference);
    const versions = Map.groupBy(rows, ({ model, version }) => `${model} ${version}`);
    return { inference: [...versions.values()].map(mergeRows) };
  },
  lines: ({ inference }) =>
    inference.map(({ model, version, place, p99Ms }) => {
      const measured = p99Ms === null ? 'no request yet' : `p99 ${p99Ms.toFixed(2)} ms`;
      return `inference of ${model} version ${version}, ${place === 'here' ? 'on the server thread' : `on a ${place}`}: ${measured}`;
    }),
};

/** One version in several processes: the slowest speaks for the time, and all count. */
function mergeRows(rows: readonly InferenceRow[]): InferenceRow {
  const p99s = rows.flatMap(({ p99Ms }) => (p99Ms === null ? [] : [p99Ms]));
  return {
    ...rows[0],
    pending: rows.reduce((sum, { pending }) => sum + pending, 0),
    p99Ms: p99s.length === 0 ? null : Math.max(...p99s),
    sizeBytes: rows.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    loadMs: Math.max(...rows.map(({ loadMs }) => loadMs)),
    callers: frequent(
      [
        ...Map.groupBy(
          rows.flatMap(({ callers }) => callers),
          ({ caller }) => caller,
        ),
      ].map(mergeCaller),
    ),
  };
}

function mergeCaller([caller, rows]: [string, readonly CallerRow[]]): CallerRow {
  const sum = (of: (row: CallerRow) => number) => rows.reduce((all, row) => all + of(row), 0);
  return {
    caller,
    answered: sum(({ answered }) => answered),
    failed: sum(({ failed }) => failed),
    rejected: sum(({ rejected }) => rejected),
    queueMs: sum(({ queueMs }) => queueMs),
    runMs: sum(({ runMs }) => runMs),
  };
}

function frequent(rows: readonly CallerRow[]): readonly CallerRow[] {
  const calls = ({ answered, failed }: CallerRow) => answered + failed;
  return rows.toSorted((a, b) => calls(b) - calls(a)).slice(0, MOST_CALLERS);
}
