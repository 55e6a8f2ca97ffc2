import { z } from 'zod';
import { isStale, parseState } from '../../findings/monitor-state.ts';
import { insideOf } from '../../running/inside.ts';
import { json, jsonAnswer, type RouteAnswer, type WriteContext, type WriteRoute } from '../route.ts';

const driftState = z.object({
  /** `watched`, `stale` when no judgement came for three of its intervals, `unwatched` without a monitor. */
  watch: z.enum(['watched', 'stale', 'unwatched']),
  at: z.number().nullable(),
  monitors: z.array(z.looseObject({ model: z.string(), version: z.int(), state: z.string(), reason: z.string() })),
  failed: z.array(z.object({ model: z.string(), reason: z.string() })),
});

/** The last findings of the monitor. A monitor that does not run is no good news. */
export const readDrift: WriteRoute = {
  tag: 'models',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  method: 'GET',
  path: '/v1/drift',
  operationId: 'readDrift',
  page: {
    takes: '',
    answers:
      '`{watch, at, monitors, failed}`: the newest windows of each monitor; `watch` is `unwatched` without a monitor',
  },
  errors: [],
  shapes: (_, define) => [
    {
      summary: 'The state of every monitor, as it was judged last.',
      answers: { 200: json(define('Drift', driftState)) },
    },
  ],
  live: { everyMs: 5_000, read: driftAnswer },
  run: driftAnswer,
};

async function driftAnswer({ headrace }: Pick<WriteContext, 'headrace'>): Promise<RouteAnswer> {
  const { stores, clock } = insideOf(headrace);
  const state = parseState((await stores.monitors.read()) ?? '');
  if (state === null) return jsonAnswer({ watch: 'unwatched', at: null, monitors: [], failed: [] });
  const { at, monitors, failed } = state;
  const watch = isStale(state, clock()) ? 'stale' : 'watched';
  return jsonAnswer({ watch, at, monitors, failed });
}
