import type { Part } from '../ports/part.ts';
import type { AnyPartKind } from './part-kind.ts';
import type { SloReport } from './slo-report.ts';

/** The state of a running project. Each open part adds its own keys; `docs/reference/http.md` lists them. */
export interface Status {
  readonly project: string;
  /** The project's part of stores that several projects share. */
  readonly namespace: string;
  /** Epoch ms. */
  readonly at: number;
  /** Whether everything that requests need is there. */
  readonly ready: boolean;
  /** Everything that requests need and that is missing. */
  readonly waiting: readonly string[];
  /** Everything that works, but not as declared. */
  readonly degraded: readonly string[];
  readonly [share: string]: unknown;
}

/** The status of the parts of one process; `S` names the shares of these parts. */
export function statusOf<S extends Status>(
  parts: readonly Part[],
  { project, namespace, now }: { readonly project: string; readonly namespace: string; readonly now: number },
): S {
  const waiting = waitingOf(parts);
  const shares = parts.map((part) => part.status(now));
  return Object.assign({}, ...shares, {
    project,
    namespace,
    at: now,
    ready: waiting.length === 0,
    waiting,
    degraded: degradedOf(parts, now),
  });
}

export function waitingOf(parts: readonly Part[]): readonly string[] {
  return parts.flatMap((part) => part.waiting());
}

export function degradedOf(parts: readonly Part[], now: number): readonly string[] {
  return parts.flatMap((part) => part.health(now));
}

/** The status of processes that serve one project together; `report` is their merged report. */
export function mergeStatuses(
  kinds: readonly AnyPartKind[],
  statuses: readonly [Status, ...Status[]],
  report: SloReport,
): Status {
  const [first] = statuses;
  const waiting = [...new Set(statuses.flatMap((one) => one.waiting))];
  return Object.assign({}, first, ...kinds.map((kind) => kind.merge(statuses, report)), {
    at: Math.max(...statuses.map(({ at }) => at)),
    ready: waiting.length === 0,
    waiting,
    degraded: [...new Set(statuses.flatMap((one) => one.degraded))],
  });
}
