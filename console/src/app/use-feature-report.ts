import { useQuery } from '@tanstack/react-query';
import { answer, client, type Schema } from '../api/client.ts';
import { useLive } from '../api/live.ts';

export type FeatureReport = Schema<'FeatureReport'>;

const DAY_MS = 86_400_000;

/** A report reads the history: it is asked for again after this time, ms. */
const EVERY_MS = 300_000;

/** The profiles of features and sources over the last day of the server, read when a page opens and again after five minutes. */
export function useFeatureReport() {
  const now = useLive('/v1/status').value?.at;
  const to = now === undefined ? undefined : now - (now % EVERY_MS) + EVERY_MS;
  return useQuery({
    queryKey: ['/v1/feature-report', to ?? null],
    enabled: to !== undefined && now !== undefined,
    placeholderData: (before) => before,
    staleTime: EVERY_MS,
    queryFn: () => {
      const end = now ?? 0;
      return answer(client.GET('/v1/feature-report', { params: { query: { from: `${end - DAY_MS}`, to: `${end}` } } }));
    },
  });
}
