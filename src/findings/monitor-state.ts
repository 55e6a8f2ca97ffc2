import { z } from 'zod';
import type { MonitorStatus } from '../monitoring/monitor/judge-windows.ts';

/** The last findings of the monitor, in `drift.json` of an environment's directory. */
export const STATE_FILE = 'drift.json';
const STATE_FORMAT = 1;

export interface MonitorState {
  readonly format: typeof STATE_FORMAT;
  /** When the windows were judged, epoch ms. */
  readonly at: number;
  /** Time between two judgements, ms: older than three of them means that nobody watches. */
  readonly everyMs: number;
  readonly monitors: readonly MonitorStatus[];
  /** Models that could not be judged, and why. */
  readonly failed: readonly { readonly model: string; readonly reason: string }[];
}

export function newState(state: Omit<MonitorState, 'format'>): MonitorState {
  return { format: STATE_FORMAT, ...state };
}

/** Whether no judgement came for three of its intervals. One without an interval stays: its caller decides when it judges again. */
export function isStale({ at, everyMs }: Pick<MonitorState, 'at' | 'everyMs'>, now: number): boolean {
  return everyMs > 0 && now - at > 3 * everyMs;
}

const shape = z.looseObject({
  format: z.literal(STATE_FORMAT),
  at: z.number(),
  everyMs: z.number(),
  monitors: z.array(z.looseObject({ model: z.string(), state: z.string(), reason: z.string() })),
  failed: z.array(z.looseObject({ model: z.string(), reason: z.string() })),
});

/** Null: the text is no state of this version. */
export function parseState(text: string): MonitorState | null {
  try {
    const parsed = shape.safeParse(JSON.parse(text));
    return parsed.success ? (parsed.data as unknown as MonitorState) : null;
  } catch {
    return null;
  }
}
