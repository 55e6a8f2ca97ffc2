import type { ClosedPartialsPlan } from './closed-partials.ts';
import type { OpenPartialsPlan } from './open-partials.ts';

/** Closed and open partials merged: whole windows. */
export interface MergedPartialsPlan {
  readonly kind: 'mergedPartials';
  readonly closed: ClosedPartialsPlan;
  readonly open: OpenPartialsPlan;
}
