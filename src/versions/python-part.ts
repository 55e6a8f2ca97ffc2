import type { PartKind } from '../observe/part-kind.ts';
import type { PythonRuntime, PythonWorker } from '../ports/python-runtime.ts';

/** The share of the workers of Python models in the status. */
export interface PythonStatus {
  readonly python: readonly PythonWorker[];
}

const APART: Readonly<Record<PythonWorker['isolation'], string>> = {
  namespaces: 'isolated by namespaces',
  user: 'isolated as another user',
  none: 'NOT isolated from the server',
  unknown: 'not loaded yet',
};

const NETWORKS: Readonly<Record<PythonWorker['network'], string>> = {
  own: ', without a network',
  server: ', with the network of the server',
  unknown: '',
};

const labels = ['model', 'version', 'job'];

function labelsOf({ model, version, job }: PythonWorker): Readonly<Record<string, string>> {
  return { model, version: String(version), job: job ?? '' };
}

function forJob({ job }: Pick<PythonWorker, 'job'>): string {
  return job === null ? '' : ` for ${job}`;
}

/** Workers of models that are Python programs. The label `job` is empty where the version is served. */
export const pythonPart: PartKind<Pick<PythonRuntime, 'workers'>, PythonStatus> = {
  name: 'python',
  figures: [
    {
      name: 'headrace_python_worker_up',
      type: 'gauge',
      unit: 'workers',
      labels,
      help: '1 while the worker of a version has loaded it, otherwise 0',
      alerts: [
        {
          name: 'HeadracePythonWorkerDown',
          expr: 'headrace_python_worker_up == 0',
          for: '5m',
          severity: 'page',
          summary:
            'Version {{ $labels.version }} of model {{ $labels.model }} has no worker. `headrace status` says how it ended.',
        },
      ],
      read: (runtime) => runtime.workers().map((one) => [labelsOf(one), one.state === 'ready' ? 1 : 0]),
    },
    {
      name: 'headrace_python_worker_restarts_total',
      type: 'counter',
      unit: 'starts',
      labels,
      help: 'Workers of a version that were started in place of one that ended',
      read: (runtime) => runtime.workers().map((one) => [labelsOf(one), one.restarts]),
    },
    {
      name: 'headrace_python_worker_memory_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels,
      help: 'Memory of the processes of a worker at the last look',
      read: (runtime) => runtime.workers().map((one) => [labelsOf(one), one.memoryBytes]),
    },
  ],
  health: (runtime) =>
    runtime.workers().flatMap((one) => {
      const of = `version ${one.version} of model ${one.model}`;
      if (one.state === 'waiting') return [`${of} has no worker${forJob(one)}: ${one.reason}`];
      return one.isolation === 'none' ? [`the worker of ${of}${forJob(one)} can read the files of the server`] : [];
    }),
  status: (runtime) => ({ python: runtime.workers() }),
  lines: ({ python }) =>
    python.map(
      ({ model, version, job, state, isolation, network, restarts }) =>
        `Python worker of ${model} version ${version}${forJob({ job })}: ${state}, ${APART[isolation]}${NETWORKS[network]}${restarts === 0 ? '' : `, started again ${restarts} times`}`,
    ),
};
