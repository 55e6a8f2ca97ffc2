import { type EnvironmentFault, environmentFault } from '../base/errors/environment-fault.ts';
import type { FigureRow, OpenFigure, Part, Sample } from '../ports/part.ts';
import type { DurationHistogram } from './duration-histogram.ts';
import type { SloReport } from './slo-report.ts';

type Labels = Readonly<Record<string, string>>;

/** A figure as its part declares it: the description, and how to read its values from the source `T` of the part. */
export type Figure<T> = FigureRow &
  (
    | { readonly type: 'counter' | 'gauge'; readonly read: (of: T, now: number) => readonly Sample[] }
    | {
        readonly type: 'histogram';
        /** Upper bounds of the buckets, s. */
        readonly boundsS: readonly number[];
        readonly read: (of: T) => readonly (readonly [Labels, DurationHistogram])[];
      }
  );

/**
 * The declaration of a part, in the folder of the part. `T` is the source that an open part reads; `S` is its share of
 * `GET /v1/status`. A new figure, health fact or status line is written here and nowhere else.
 */
export interface PartKind<T, S extends object> {
  readonly name: string;
  readonly figures: readonly Figure<T>[];
  /** Names everything that works, but not as declared. */
  readonly health?: (of: T, now: number) => readonly string[];
  /** Names everything that requests need and that is missing. */
  readonly waiting?: (of: T) => readonly string[];
  /** Names what it accepted and has not written to every store. */
  readonly left?: (of: T) => readonly string[];
  readonly status?: (of: T, now: number) => S;
  /** The share of a group of processes, from the shares of its members; the first member's where it is left out. */
  readonly merge?: (shares: readonly [S, ...S[]], report: SloReport) => S;
  /** The lines of `headrace status`. */
  readonly lines?: (share: S) => readonly string[];
}

/** The background work of an open part. */
export type PartWork = Partial<Pick<Part, 'tick' | 'flush' | 'close'>>;

/** The declaration of a part without its types: lists of parts hold these. */
export interface AnyPartKind {
  readonly name: string;
  readonly figures: readonly FigureRow[];
  /** Merges the shares of a group of processes, the first of which speaks for the group. */
  readonly merge: (shares: readonly [object, ...object[]], report: SloReport) => object;
  /** The lines of `headrace status`; none where the status has no share of this part. */
  readonly lines: (status: object) => readonly string[];
}

/** Opens a part over its source. */
export function openPart<T, S extends object>(kind: PartKind<T, S>, of: T, work: PartWork = {}): Part {
  const unread = new Map<string, EnvironmentFault>();
  /** Reads from the source. A store that cannot be read now is a fact of health, and leaves the other parts as they are. */
  const reading = <V>(what: string, read: () => V, instead: V): V => {
    try {
      const value = read();
      unread.delete(what);
      return value;
    } catch (error) {
      const fault = environmentFault(error);
      if (fault === null) throw error;
      unread.set(what, fault);
      return instead;
    }
  };
  const figures = kind.figures.map((figure) => openFigure(figure, of, reading));
  return {
    name: kind.name,
    figures: () => figures,
    health: (now) => {
      const facts = reading('health', () => kind.health?.(of, now) ?? [], []);
      return [...facts, ...new Set([...unread.values()].map(faultText))];
    },
    // A part that cannot be asked is not known to be ready.
    waiting: () => reading('readiness', () => kind.waiting?.(of) ?? [], null) ?? [...unread.values()].map(faultText),
    status: (now) => reading('status', () => ({ ...kind.status?.(of, now) }), {}),
    tick: async (now) => work.tick?.(now),
    flush: async () => work.flush?.(),
    close: async () => work.close?.(),
    left: () => kind.left?.(of) ?? [],
  };
}

function faultText({ code, message, hint }: EnvironmentFault): string {
  return `${code}: ${message}; ${hint}`;
}

/** Reads a value; gives another one where a store cannot be read now. */
type Reading = <V>(what: string, read: () => V, instead: V) => V;

function openFigure<T>(figure: Figure<T>, of: T, reading: Reading): OpenFigure {
  return figure.type === 'histogram'
    ? { ...figure, read: () => reading(figure.name, () => figure.read(of), []) }
    : { ...figure, read: (now) => reading(figure.name, () => figure.read(of, now), []) };
}

/** The declaration of a part for a list of parts; `keys` are the keys of its share of the status. */
export function partKind<T, S extends object>(kind: PartKind<T, S>, keys: readonly (keyof S & string)[]): AnyPartKind {
  const shareOf = (status: object): S | null =>
    keys.every((key) => Object.hasOwn(status, key)) ? (status as S) : null;
  return {
    name: kind.name,
    figures: kind.figures,
    merge: (statuses, report) => {
      const shares = statuses.map(shareOf).filter((share) => share !== null);
      const [first, ...others] = shares;
      if (first === undefined) return {};
      return picked(kind.merge?.([first, ...others], report) ?? first, keys);
    },
    lines: (status) => {
      const share = shareOf(status);
      return share === null ? [] : (kind.lines?.(share) ?? []);
    },
  };
}

function picked<S extends object>(share: S, keys: readonly (keyof S & string)[]): object {
  return Object.fromEntries(keys.map((key) => [key, share[key]]));
}

/** A sample for each entry of a record: the name of the entry is the value of `label`. */
export function samplesBy(labels: Labels, label: string, values: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(values).map(([name, value]) => [{ ...labels, [label]: name }, value]);
}
