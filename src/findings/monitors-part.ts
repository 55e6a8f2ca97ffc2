import { monitorName } from '../features/define/monitor.ts';
import type { MonitorStatus, WindowState } from '../monitoring/monitor/judge-windows.ts';
import type { PartKind } from '../observe/part-kind.ts';
import { isStale, type MonitorState } from './monitor-state.ts';

/** The monitors of a project as `GET /v1/status` has them. */
export interface MonitorsStatus {
  readonly monitors: {
    /** `none`: no model declares monitors. */
    readonly watch: 'watched' | 'stale' | 'unwatched' | 'none';
    readonly states: readonly { readonly model: string; readonly monitor: string; readonly state: string }[];
    readonly failed: readonly string[];
  };
}

/** The source of the part: the last judgement of whatever process monitors. */
export interface MonitorsSource {
  /** Null: none has judged. */
  state(): MonitorState | null;
  /** Why the last judgement cannot be read; null: it can. */
  trouble(): string | null;
  /** Whether a model declares monitors: only then a missing monitor is a fault. */
  readonly isDeclared: boolean;
  /** Start of the project, epoch ms: a monitor needs some time for its first judgement. */
  readonly since: number;
}

const STATES: readonly WindowState[] = ['fault', 'drift', 'ok', 'insufficient', 'immature', 'unwatched', 'cannotTell'];

/** A monitor that did not judge within this after the start is missing, ms. */
const FIRST_MS = 180_000;

/** The monitors of models, from their last judgement. */
export const monitorsPart: PartKind<MonitorsSource, MonitorsStatus> = {
  name: 'monitors',
  figures: [
    {
      name: 'headrace_monitor_state',
      type: 'gauge',
      unit: '1',
      labels: ['model', 'monitor', 'state'],
      help: 'Verdict of each monitor at its last judgement: 1 for its state, 0 for the others',
      alerts: [
        {
          name: 'HeadraceModelFault',
          expr: 'headrace_monitor_state{state="fault"} > 0',
          for: '0s',
          severity: 'page',
          summary:
            'The inputs of model {{ $labels.model }} are broken. Read which with `headrace drift status`, and do not train on them.',
        },
        {
          name: 'HeadraceModelDrift',
          expr: 'headrace_monitor_state{state="drift", monitor="conceptDrift"} > 0',
          for: '0s',
          severity: 'page',
          summary: 'The realised loss of model {{ $labels.model }} rose. Read it with `headrace drift status`.',
        },
      ],
      read: ({ state }) =>
        (state()?.monitors ?? []).flatMap((one) =>
          STATES.map((each) => [{ ...labelsOf(one), state: each }, one.state === each ? 1 : 0] as const),
        ),
    },
    {
      name: 'headrace_monitor_window_rows',
      type: 'gauge',
      unit: 'rows',
      labels: ['model', 'monitor'],
      help: 'Rows of the newest window that a monitor judged',
      read: ({ state }) =>
        (state()?.monitors ?? []).flatMap((one) => {
          const newest = one.windows.at(-1);
          return newest === undefined ? [] : [[labelsOf(one), newest.rows] as const];
        }),
    },
    {
      name: 'headrace_monitor_features_drifted',
      type: 'gauge',
      unit: 'features',
      labels: ['model', 'monitor'],
      help: 'Features with drift in the newest window of a monitor',
      read: ({ state }) =>
        (state()?.monitors ?? []).map((one) => [labelsOf(one), one.windows.at(-1)?.drifted.length ?? 0] as const),
    },
    {
      name: 'headrace_monitor_judged_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      labels: [],
      help: 'When the monitors were judged last, seconds since 1970; no sample without a judgement',
      read: ({ state }) => seconds(state()?.at),
    },
    {
      name: 'headrace_monitor_interval_seconds',
      type: 'gauge',
      unit: 'seconds',
      labels: [],
      help: 'Time between two judgements',
      read: ({ state }) => seconds(state()?.everyMs),
    },
  ],
  health: (source, now) => {
    const state = source.state();
    const watch = watchOf(source, state, now);
    const away = source.trouble();
    return [
      ...(away === null ? [] : [`the state of the monitors cannot be read: ${away}`]),
      ...(watch === 'stale' ? ['no monitor has judged for three of its intervals'] : []),
      ...(watch === 'unwatched' && now - source.since > FIRST_MS ? ['no monitor runs: models are not watched'] : []),
      ...(state?.failed ?? []).map(({ model }) => `the monitors of model ${model} cannot be judged`),
    ];
  },
  status: (source, now) => {
    const state = source.state();
    return {
      monitors: {
        watch: watchOf(source, state, now),
        states: (state?.monitors ?? []).map((one) => ({ ...labelsOf(one), state: one.state })),
        failed: (state?.failed ?? []).map(({ model }) => model),
      },
    };
  },
  lines: ({ monitors: { watch, states, failed } }) =>
    watch === 'none'
      ? []
      : [
          `monitors  ${watch}`,
          ...states.map(({ model, monitor, state }) => `  ${model} ${monitor}: ${state}`),
          ...failed.map((model) => `  ${model}: not judged`),
        ],
};

function labelsOf({ model, monitor }: MonitorStatus) {
  return { model, monitor: monitorName(monitor) };
}

function seconds(ms: number | undefined) {
  return ms === undefined ? [] : [[{}, ms / 1000] as const];
}

function watchOf(
  { isDeclared }: MonitorsSource,
  state: MonitorState | null,
  now: number,
): MonitorsStatus['monitors']['watch'] {
  if (state === null) return isDeclared ? 'unwatched' : 'none';
  return isStale(state, now) ? 'stale' : 'watched';
}
