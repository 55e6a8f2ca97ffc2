import { accesses } from '../accesses.ts';
import { wrong } from '../message.ts';
import { type JsonRoute, route } from '../mlflow-route.ts';
import { nextToken, pagingOf } from '../paging.ts';
import { listed, metricMessage } from '../wire.ts';
import { runId } from './runs.ts';

const MOST_POINTS = 25_000;
const MOST_RUNS = 100;

/** Routes of the histories of metrics. */
export const metricRoutes: readonly JsonRoute[] = [
  route('GET', '/mlflow/metrics/get-history', accesses.reads, async ({ registry }, { message }) => {
    const paging = pagingOf(message, { usual: MOST_POINTS, most: 50_000 });
    const page = await registry.metricHistory(runId(message), message.required('metric_key'), paging);
    return { ...listed('metrics', page.rows.map(metricMessage)), ...nextToken(paging, page) };
  }),
  route('GET', '/mlflow/metrics/get-history-bulk-interval', accesses.reads, async ({ registry }, { message }) => {
    const runs = message.texts('run_ids');
    if (runs.length === 0) message.required('run_ids');
    if (runs.length > MOST_RUNS) throw wrong('run_ids', runs.length, `at most ${MOST_RUNS} runs are read at once`);
    const [from, to] = [message.whole('start_step') ?? null, message.whole('end_step') ?? null];
    if ((from === null) !== (to === null))
      throw wrong('start_step', from, 'start_step and end_step must be given together');
    if (from !== null && to !== null && from > to) throw wrong('start_step', from, 'it is greater than end_step');
    const most = message.whole('max_results') ?? 320;
    if (most < 1) throw wrong('max_results', most, 'it must be at least 1');
    const points = await registry.metricHistories(runs, message.required('metric_key'), {
      from,
      to,
      limit: MOST_POINTS,
    });
    const metrics = runs.flatMap((run) =>
      spread(
        points.filter((point) => point.run === run),
        most,
      ),
    );
    return listed(
      'metrics',
      metrics.map((point) => ({ ...metricMessage(point), run_id: point.run })),
    );
  }),
];

/** At most `most` points, evenly over the steps, with the first and the last. */
function spread<T>(points: readonly T[], most: number): readonly T[] {
  if (points.length <= most || most < 2) return points.slice(0, most);
  return Array.from({ length: most }, (_, i) => points[Math.round((i * (points.length - 1)) / (most - 1))]);
}
