import { fail } from '../../base/errors/fail.ts';
import type { AlertDelivery, AlertStore } from '../../ports/alert-store.ts';
import { fingerprintOf, type Incident } from '../../ports/incident.ts';
import type { IncidentBook } from './incident-book.ts';

/** A test of the path of alerts. */
export interface AlertTest {
  /** Incident kind, urgency, tier, model and slice that the routes see. */
  readonly of: Pick<Incident, 'kind' | 'severity' | 'tier' | 'model' | 'slice' | 'owner'>;
  /** Names this test among others. */
  readonly id: string;
  readonly clock: () => number;
  /** Most attempts of each message. */
  readonly attempts: number;
}

/** The path that it is tried on: the same calls that a monitor makes. */
export interface AlertPath {
  readonly book: IncidentBook;
  readonly store: AlertStore;
  deliver(): Promise<number>;
  /** Waits until the next attempt may be due. */
  pause(): Promise<void>;
}

export interface TestedSink {
  readonly sink: string;
  /** `waiting` for a digest, a silence or the limit of its rate is no failure of the sink. */
  readonly outcome: 'accepted' | 'waiting' | 'failed';
  readonly reason: string | null;
}

/**
 * Opens an incident, has it delivered, resolves it and has that delivered: through the same book, routes, silences, limits and sinks
 * as every incident. Errors: ALERT_UNROUTED, ALERT_FILE, ALERT_WRITE.
 */
export async function testAlert(path: AlertPath, test: AlertTest): Promise<readonly TestedSink[]> {
  const { book, store } = path;
  const fingerprint = fingerprintOf(test.of, ['test', test.id]);
  const at = test.clock();
  await book.open({
    ...test.of,
    fingerprint,
    summary: 'this is a test of the path of alerts',
    evidence: { test: test.id },
    at,
  });
  const incident = (await store.active()).find((one) => one.fingerprint === fingerprint);
  const no = incident?.no ?? 0;
  try {
    if ((await store.deliveriesOf(no)).length === 0) throw fail('ALERT_UNROUTED', test.of);
    await untilTried(path, no, test);
  } finally {
    await book.resolve(fingerprint, { at: test.clock(), reason: 'the test is over' });
  }
  // A sink that did not take the first message is not asked for the second.
  await untilTried(path, no, test);
  return (await store.deliveriesOf(no)).map((one) => testedOf(one, test.clock()));
}

async function untilTried(
  { store, deliver, pause }: AlertPath,
  no: number,
  { attempts, clock }: AlertTest,
): Promise<void> {
  for (let i = 0; i < attempts; i += 1) {
    await deliver();
    // Another process may be sending it now.
    const isTried = ({ state, error, dueAt }: AlertDelivery) =>
      state !== 'waiting' || error !== null || dueAt > clock();
    if ((await store.deliveriesOf(no)).every(isTried)) return;
    await pause();
  }
}

function testedOf({ sink, state, error, dueAt }: AlertDelivery, now: number): TestedSink {
  if (state === 'settled' || state === 'repeating') return { sink, outcome: 'accepted', reason: null };
  if (state === 'waiting' && error === null)
    return { sink, outcome: 'waiting', reason: `it is due at ${new Date(Math.max(dueAt, now)).toISOString()}` };
  return { sink, outcome: 'failed', reason: error };
}
