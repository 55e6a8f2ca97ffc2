import type { Policy } from '../policy.ts';
import { greedy } from './greedy.ts';
import { hybrid } from './hybrid.ts';
import { nextLifetime } from './next-lifetime.ts';
import { onDemand } from './on-demand.ts';
import { spotOnly } from './spot-only.ts';
import { uniformProgress } from './uniform-progress.ts';

/** Every policy, in the order of reports. To add one: a file, and its line here. */
export const policies: readonly Policy[] = [onDemand, spotOnly, greedy, uniformProgress, hybrid, nextLifetime];
