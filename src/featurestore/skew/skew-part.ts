import { type PartKind, samplesBy } from '../../observe/part-kind.ts';
import type { SkewVerdict } from './skew-schedule.ts';

export interface SkewSource {
  /** The last scheduled audit of each service. */
  readonly verdicts: () => readonly SkewVerdict[];
  /** Logged rows that could not be published and were dropped. */
  readonly lost: () => number;
}

export interface AuditStatus {
  readonly service: string;
  /** Epoch ms. */
  readonly at: number;
  /** Values that were recomputed, and those of them that differ. */
  readonly compared: number;
  readonly differ: number;
  /** Values without an answer when they were served, for which the history has one. */
  readonly missing: number;
  /** Whether the audit found at most the declared share. */
  readonly met: boolean;
}

export interface SkewStatus {
  readonly audits: readonly AuditStatus[];
}

/** Logged vectors and their scheduled audits. */
export const skewPart: PartKind<SkewSource, SkewStatus> = {
  name: 'skew',
  figures: [
    {
      name: 'headrace_logged_rows_lost_total',
      type: 'counter',
      unit: 'rows',
      labels: [],
      help: 'Logged vectors and refused events that could not be published and were dropped',
      alerts: [
        {
          name: 'HeadraceLoggedRowsLost',
          expr: 'increase(headrace_logged_rows_lost_total[15m]) > 0',
          for: '0m',
          severity: 'ticket',
          summary: '{{ $value | humanize }} logged rows were dropped. Read the log for the fault of the offline store.',
        },
      ],
      read: ({ lost }) => [[{}, lost()]],
    },
    {
      name: 'headrace_skew_compared',
      type: 'gauge',
      unit: 'values',
      labels: ['service'],
      help: 'Values that the last scheduled audit compared',
      read: ({ verdicts }) => verdicts().map(({ service, report }) => [{ service: service.name }, report.compared]),
    },
    {
      name: 'headrace_skew_mismatches',
      type: 'gauge',
      unit: 'values',
      labels: ['service', 'class'],
      help: 'Values of the last scheduled audit that differ from the history: lateness, staleness or logic',
      read: ({ verdicts }) =>
        verdicts().flatMap(({ service, report }) =>
          samplesBy({ service: service.name }, 'class', { ...report.mismatches }),
        ),
    },
    {
      name: 'headrace_skew_missing',
      type: 'gauge',
      unit: 'values',
      labels: ['service'],
      help: 'Values of the last scheduled audit that had no answer when they were served, and have one in the history',
      read: ({ verdicts }) => verdicts().map(({ service, report }) => [{ service: service.name }, report.missing]),
    },
    {
      name: 'headrace_skew_met',
      type: 'gauge',
      unit: '0 or 1',
      labels: ['service'],
      help: 'Whether the last scheduled audit was within the declared limits',
      alerts: [
        {
          name: 'HeadraceSkew',
          expr: 'headrace_skew_met == 0',
          for: '0m',
          severity: 'ticket',
          summary:
            'Vectors of {{ $labels.service }} differ from the history by more than declared. Run `headrace audit skew`.',
        },
      ],
      read: ({ verdicts }) => verdicts().map(({ service, met }) => [{ service: service.name }, Number(met)]),
    },
    {
      name: 'headrace_skew_age_seconds',
      type: 'gauge',
      unit: 's',
      labels: ['service'],
      help: 'Time since the last scheduled audit',
      read: ({ verdicts }, now) => verdicts().map(({ service, at }) => [{ service: service.name }, (now - at) / 1_000]),
    },
  ],
  health: ({ verdicts }) => verdicts().flatMap(degradedSkew),
  status: ({ verdicts }) => ({
    audits: verdicts().map(({ service, at, report: { compared, missing, mismatches }, met }) => {
      const differ = mismatches.lateness + mismatches.staleness + mismatches.logic;
      return { service: service.name, at, compared, differ, missing, met };
    }),
  }),
  lines: ({ audits }) => (audits.length === 0 ? [] : ['skew', ...audits.map(auditLine)]),
};

/** The fault that the last scheduled audit of a service found. */
export function degradedSkew({ service, at, report, met }: SkewVerdict): readonly string[] {
  if (met) return [];
  const { lateness, staleness, logic } = report.mismatches;
  return [
    `service ${service.name} differs from the history by the audit of ${new Date(at).toISOString()}: of ${report.compared} values lateness ${lateness}, staleness ${staleness}, logic ${logic}; ${report.missing} had no answer`,
  ];
}

function auditLine({ service, at, compared, differ, missing, met }: AuditStatus): string {
  const missed = met ? '' : ' MISSED';
  const absent = missing === 0 ? '' : `, ${missing} had no answer`;
  return `  ${service}: ${differ} of ${compared} values differ${absent} by the audit of ${new Date(at).toISOString()}${missed}`;
}
