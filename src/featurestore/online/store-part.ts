import type { PartKind } from '../../observe/part-kind.ts';
import type { StoreCheck } from '../../ports/online-store.ts';

export interface StoreStatus {
  readonly store: {
    /** Pages of the file when it was opened; 0 where the store has no file of its own. */
    readonly pages: number;
    /** How many of them were read before the store was open. */
    readonly readAtOpen: number;
    /** Whether every page has been checked since. */
    readonly isWhole: boolean;
  };
}

/** The online store: whether its file is whole. */
export const storePart: PartKind<() => StoreCheck | null, StoreStatus> = {
  name: 'store',
  figures: [
    {
      name: 'headrace_store_damaged',
      type: 'gauge',
      unit: '0 or 1',
      labels: [],
      help: 'Whether a page of the online store is damaged',
      alerts: [
        {
          name: 'HeadraceStoreDamaged',
          expr: 'headrace_store_damaged > 0',
          for: '0m',
          severity: 'page',
          summary:
            'A page of the online store is damaged. Run `headrace status`, then move the file away and start again.',
        },
      ],
      read: (check) => [[{}, (check()?.damage ?? null) === null ? 0 : 1]],
    },
  ],
  health: (check) => {
    const { damage = null, unchecked = null } = check() ?? {};
    if (damage !== null) return [damage.message];
    return unchecked === null
      ? []
      : [`the check of the online store stopped: ${unchecked}; pages are checked before their first use`];
  },
  status: (check) => {
    const { pages, readAtOpen, isWhole } = check() ?? { pages: 0, readAtOpen: 0, isWhole: true };
    return { store: { pages, readAtOpen, isWhole } };
  },
};
