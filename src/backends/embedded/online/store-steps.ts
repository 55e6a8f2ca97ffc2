import type { StreamViewData } from '../../../features/define/declaration.ts';
import { tileLayout } from '../../../features/tile/tile-layout.ts';
import type { TileHorizon } from '../../../ports/online-store.ts';
import { dropParts, dropSome, type KeptParts, sweepSome } from './drop-tiles.ts';
import type { Entries, KeySpan } from './entries.ts';
import { moveSome } from './former-entries.ts';

/** Long work over the entries of a span, which is done in steps: commits come in between. */
export type StepOrder =
  | {
      readonly kind: 'sweep';
      readonly views: readonly { readonly view: StreamViewData; readonly horizons: readonly TileHorizon[] }[];
      readonly span: KeySpan;
    }
  | { readonly kind: 'drop'; readonly span: KeySpan }
  | { readonly kind: 'dropParts'; readonly kept: KeptParts; readonly span: KeySpan }
  | { readonly kind: 'move'; readonly span: KeySpan };

/** Does a step, `most` entries; gives where the next one begins, null where nothing is left. Errors: STORE_WRITE, STORE_CORRUPT. */
export function takeStep(entries: Entries, order: StepOrder, most: number): Uint8Array | null {
  const { span } = order;
  switch (order.kind) {
    case 'sweep':
      return sweepSome(
        entries,
        order.views.map(({ view, horizons }) => ({ layout: tileLayout(view), horizons })),
        span,
        most,
      );
    case 'drop':
      return dropSome(entries, span, most);
    case 'dropParts':
      return dropParts(entries, order.kept, span, most);
    case 'move':
      return moveSome(entries, span, most);
    default:
      return order satisfies never;
  }
}
