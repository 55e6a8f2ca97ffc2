import { isHeadraceError } from '../base/errors/fail.ts';
import { numberText } from '../base/number-text.ts';
import type { SeenPairs, SeenRollout } from '../ports/playbook-store.ts';

/** Paired losses below which nothing is said. */
const LEAST = 100;

/** Losses of the promoted version less those of the previous one, on the same rows; null: there are none. */
export type ReadPairs = () => Promise<Pick<SeenPairs, 'labels' | 'mean' | 'low' | 'high'> | null>;

/**
 * A breach that stands: a version that is certainly better than the one that it would go back to stays, however far its own loss is
 * above the one that its scores imply. The first pairs with enough labels decide; without any, the breach stands as it is.
 */
export async function confirmedBreach(
  { breach, champion }: Pick<SeenRollout, 'breach' | 'champion'>,
  sources: readonly ReadPairs[],
): Promise<string | null> {
  if (breach === null) return null;
  for (const read of sources) {
    const pairs = await readable(read);
    if (pairs === null || pairs.labels < LEAST) continue;
    const { labels, mean, low, high } = pairs;
    if (high < 0) return null;
    return `${breach}; less that of version ${champion} on the same ${labels} rows: ${numberText(mean)}, certainly in [${numberText(low)}, ${numberText(high)}]`;
  }
  return breach;
}

/** A version that cannot be scored here has no pairs: the promoted one is then judged without them. */
async function readable(read: ReadPairs): ReturnType<ReadPairs> {
  try {
    return await read();
  } catch (error) {
    if (!isHeadraceError(error) || error.code === 'JOB_CANCELLED') throw error;
    return null;
  }
}
