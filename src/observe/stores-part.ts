import type { PartKind } from './part-kind.ts';
import type { StoreFault, StoreFaults } from './store-faults.ts';

export interface StoresStatus {
  readonly stores: {
    /** Methods of stores that the environment keeps from working, until each succeeds; the oldest first. */
    readonly faults: readonly StoreFault[];
  };
}

/** The stores of a process: what keeps each from working, since when, and what to do. */
export const storesPart: PartKind<Pick<StoreFaults, 'now' | 'counts'>, StoresStatus> = {
  name: 'stores',
  figures: [
    {
      name: 'headrace_store_faults',
      type: 'gauge',
      unit: 'methods',
      labels: ['store'],
      help: 'Methods of a store whose last call failed by a fault of its disk, file or server',
      alerts: [
        {
          name: 'HeadraceStoreFault',
          expr: 'headrace_store_faults > 0',
          for: '5m',
          severity: 'page',
          summary:
            'A disk, file or server keeps the {{ $labels.store }} from working. Run `headrace status` for the cause and a hint.',
        },
      ],
      read: ({ now, counts }) =>
        [...counts.keys()].map((store) => [{ store }, now.filter((fault) => fault.store === store).length]),
    },
    {
      name: 'headrace_store_failures_total',
      type: 'counter',
      unit: 'calls',
      labels: ['store', 'code'],
      help: 'Calls of a store that failed by a fault of its disk, file or server, by the code of the error',
      read: ({ counts }) =>
        [...counts].flatMap(([store, codes]) => [...codes].map(([code, count]) => [{ store, code }, count] as const)),
    },
  ],
  health: ({ now }) => now.map(faultText),
  status: ({ now }) => ({ stores: { faults: now } }),
  merge: (shares) => ({
    stores: {
      faults: [
        ...Map.groupBy(
          shares.flatMap(({ stores }) => stores.faults),
          ({ store, method }) => `${store} ${method}`,
        ).values(),
      ].flatMap(together),
    },
  }),
  lines: ({ stores: { faults } }) =>
    faults.length === 0 ? [] : ['stores', ...faults.map((fault) => `  ${faultText(fault)}`)],
};

/** The same fault in several processes, as one. */
function together([first, ...others]: readonly StoreFault[]): readonly StoreFault[] {
  if (first === undefined) return [];
  const since = Math.min(first.since, ...others.map((fault) => fault.since));
  return [{ ...first, since, failures: others.reduce((sum, { failures }) => sum + failures, first.failures) }];
}

function faultText({ store, method, code, message, hint, since }: StoreFault): string {
  return `store "${store}" fails at "${method}" since ${new Date(since).toISOString()}: ${code}: ${message}; ${hint}`;
}
