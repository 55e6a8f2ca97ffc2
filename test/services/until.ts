import { until as untilWithin } from '../until.ts';

/** What a server does takes longer than what this process does, ms; a look is a request to it. */
const SERVICE_MS = 300_000;
const LOOK_EVERY_MS = 50;

/** Waits until something holds, which on a slow machine takes its time; a text says why it does not. Fails with what it last said. */
export function until(holds: () => Promise<boolean | string>, ms = SERVICE_MS): Promise<void> {
  return untilWithin(holds, { longestMs: ms, everyMs: LOOK_EVERY_MS });
}
