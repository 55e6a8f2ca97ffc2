import type { Destination } from '../../ports/alert-store.ts';
import type { Incident, IncidentKind, IncidentSeverity } from '../../ports/incident.ts';

/** A route with its durations in ms; what is undefined matches everything. */
export interface AlertRoute {
  readonly tiers: readonly number[] | undefined;
  readonly models: readonly string[] | undefined;
  readonly slices: readonly string[] | undefined;
  readonly severities: readonly IncidentSeverity[] | undefined;
  readonly kinds: readonly IncidentKind[] | undefined;
  readonly owners: readonly string[] | undefined;
  readonly to: readonly string[];
  /** 0: at once. */
  readonly digestMs: number;
}

const WEEK_MS = 7 * 86_400_000;

/** Routes where none is declared: urgent incidents to every sink, the others together once a week. */
export function defaultRoutes(
  sinks: readonly { readonly name: string; readonly digests: boolean }[],
): readonly AlertRoute[] {
  const any = { tiers: undefined, models: undefined, slices: undefined, kinds: undefined, owners: undefined };
  const digests = sinks.filter((sink) => sink.digests).map(({ name }) => name);
  return [
    { ...any, severities: ['page', 'ticket'], to: sinks.map(({ name }) => name), digestMs: 0 },
    { ...any, severities: ['digest'], to: digests, digestMs: WEEK_MS },
  ];
}

/** Where an incident goes: the sinks of every route that matches. The first route to a sink says whether it waits for a digest. */
export function destinationsOf(routes: readonly AlertRoute[], incident: Incident): readonly Destination[] {
  const found = new Map<string, number>();
  for (const route of routes)
    if (matches(route, incident)) for (const sink of route.to) if (!found.has(sink)) found.set(sink, route.digestMs);
  return [...found].map(([sink, digestMs]) => ({ sink, digestMs }));
}

function matches(route: AlertRoute, { tier, model, slice, severity, kind, owner }: Incident): boolean {
  const slices = slice === null ? [] : [slice, slice.split('=')[0]];
  return (
    isIn(route.tiers, tier) &&
    isIn(route.models, model) &&
    isIn(route.severities, severity) &&
    isIn(route.kinds, kind) &&
    isIn(route.owners, owner) &&
    (route.slices === undefined || route.slices.some((one) => slices.includes(one)))
  );
}

function isIn<T>(values: readonly T[] | undefined, value: T | null): boolean {
  return values === undefined || (value !== null && values.includes(value));
}
