import type { FigureRow } from '../../ports/part.ts';

/** Figures of the processes of `serve --workers`, which one of them writes for all. */
export const workerFigures = {
  up: {
    name: 'headrace_worker_up',
    type: 'gauge',
    unit: '0 or 1',
    labels: ['worker'],
    help: 'Whether a process of a group (serve --workers) answers',
    alerts: [
      {
        name: 'HeadraceWorkerDown',
        expr: 'headrace_worker_up == 0',
        for: '1m',
        severity: 'page',
        summary: 'Process {{ $labels.worker }} of a group does not answer. Read its log.',
      },
    ],
  },
  restarts: {
    name: 'headrace_worker_restarts_total',
    type: 'counter',
    unit: 'starts',
    labels: ['worker'],
    help: 'How often a process of a group was started again because it had ended',
  },
} as const satisfies Readonly<Record<string, FigureRow>>;
