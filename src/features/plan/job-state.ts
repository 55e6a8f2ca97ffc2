import type { EventSourceData, ProjectData, StreamViewData } from '../define/declaration.ts';

/** The longest pause of a job, ms: the lifetime of its state continues during a pause. */
export const STATE_SLACK_MS = 86_400_000;

/**
 * How long an engine keeps the state of tiles, and the ids of events, after they were last changed, ms: as long as a tile may
 * change.
 */
export function stateMs(sources: readonly EventSourceData[], views: readonly StreamViewData[]): number {
  const latest = Math.max(...sources.map(({ latenessMs, futureSkewMs }) => latenessMs + futureSkewMs));
  return Math.max(...views.flatMap(({ hopsMs }) => hopsMs)) + 2 * latest + STATE_SLACK_MS;
}

/** The largest hop of the views over a source, ms. */
export function largestHopMs({ views }: ProjectData, source: EventSourceData): number {
  return Math.max(
    ...views.flatMap((view) => (view.kind === 'streamView' && view.source.name === source.name ? view.hopsMs : [])),
  );
}
