import type { AlertSink, SinkAnswer } from '../../ports/alert-sink.ts';
import type { AlertDelivery, AlertStore, KeptIncident, Settled, Silence } from '../../ports/alert-store.ts';
import { type AlertPlace, digestMessage, incidentMessage, nextMessage } from './alert-message.ts';

/** A delivery belongs to the process that claimed it for this long, ms: longer than any sink takes to answer. */
const CLAIM_MS = 60_000;

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 300_000;

/** A silence is looked at again after this time at the latest, ms: it may be ended. */
const SILENCE_MS = 60_000;

/** A sink by its name, opened at its first message. */
export interface NamedSink {
  readonly name: string;
  /** Error: CONFIG_SECRET. */
  open(): AlertSink;
  readonly limit: { readonly messages: number; readonly perMs: number };
}

export interface DeliveryOptions {
  readonly store: AlertStore;
  readonly sinks: readonly NamedSink[];
  readonly place: AlertPlace;
  readonly clock: () => number;
  readonly giveUpMs: number;
  readonly signal: AbortSignal;
  /** Receives failures of deliveries that are given up. */
  readonly onFault: (error: unknown) => void;
  /** Takes secrets out of a text. */
  readonly clean: (text: string) => string;
}

/** Sends all that is due, to all sinks at once, until nothing is or a sink fails. Returns the number of accepted messages. */
export async function deliverAlerts(options: DeliveryOptions): Promise<number> {
  const counts = await Promise.all(options.sinks.map((sink) => deliverTo(sink, options)));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function deliverTo(named: NamedSink, options: DeliveryOptions): Promise<number> {
  const { store, clock, signal } = options;
  let accepted = 0;
  while (!signal.aborted) {
    const now = clock();
    const due = await store.due(named.name, now);
    if (due.length === 0) break;
    const sink = opened(named);
    const batch = await batchOf(due, sink, named, options, now);
    if (batch.length === 0) continue;
    if (!(await store.claim(batch, now, now + CLAIM_MS))) continue;
    const isDigest = batch.length > 1 || batch[0].digestMs > 0;
    const answer = await attempt(batch, isDigest, sink, options, now);
    const isRepeat = batch.every((one) => one.accepted >= one.wanted);
    const results = await Promise.all(batch.map((one) => settled(one, isDigest, answer, sink, options)));
    await store.settle(results);
    // A sink that is away gets no other message until then.
    if (answer.kind === 'later')
      await store.settle(due.filter((one) => !batch.includes(one)).map((one) => postponed(one, results[0].dueAt)));
    // A repetition is no news: it counts neither as a message nor against the limit.
    if (!(isRepeat && answer.kind === 'accepted')) await report(named.name, answer, batch, options);
    if (answer.kind === 'accepted') accepted += 1;
    if (answer.kind === 'later') break;
  }
  return accepted;
}

/** A sink whose secret is missing answers like one that is away. */
function opened(named: NamedSink): AlertSink {
  try {
    return named.open();
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it cannot be opened';
    return {
      capabilities: { digests: false, repeatMs: null },
      send: async () => ({ kind: 'later', reason, afterMs: null }),
      close: () => undefined,
    };
  }
}

/** The deliveries of the next message; those that are quiet or beyond the limit are postponed. Empty: look again. */
async function batchOf(
  due: readonly AlertDelivery[],
  sink: AlertSink,
  named: NamedSink,
  { store }: DeliveryOptions,
  now: number,
): Promise<readonly AlertDelivery[]> {
  const loud = await withoutSilenced(due, store, named.name, now);
  const repeats = loud.filter(({ state }) => state === 'repeating');
  if (repeats.length > 0) return repeats.slice(0, 1);
  if (loud.length === 0) return [];
  const sent = await store.sentSince(named.name, now - named.limit.perMs);
  const free = named.limit.messages - sent.length;
  if (free <= 0) {
    const again = (sent[sent.length - named.limit.messages] ?? now) + named.limit.perMs;
    await store.settle(loud.map((one) => postponed(one, again)));
    for (const _ of loud) await store.count(named.name, 'limited', now);
    return [];
  }
  const isDigest = loud[0].digestMs > 0;
  const alike = loud.filter(({ digestMs }) => digestMs > 0 === isDigest);
  // More than the limit has room for become one digest.
  return sink.capabilities.digests && (isDigest || alike.length > free) ? alike : loud.slice(0, 1);
}

async function withoutSilenced(
  due: readonly AlertDelivery[],
  store: AlertStore,
  sink: string,
  now: number,
): Promise<readonly AlertDelivery[]> {
  const silences = await store.silences(now);
  if (silences.length === 0) return due;
  const loud: AlertDelivery[] = [];
  const quiet: Settled[] = [];
  for (const one of due) {
    const incident = await store.incident(one.incident);
    const silence = incident === null ? undefined : silences.find((each) => isSilenced(incident, each));
    if (incident === null || silence === undefined) {
      loud.push(one);
      continue;
    }
    await store.count(sink, 'silenced', now);
    // An incident that began and ended in silence is not sent; its record stays.
    const isOver = incident.state === 'resolved' && one.accepted === 0;
    quiet.push(
      isOver
        ? { ...postponed(one, now), accepted: one.wanted, state: 'settled' }
        : postponed(one, Math.min(silence.until, now + SILENCE_MS)),
    );
  }
  if (quiet.length > 0) await store.settle(quiet);
  return loud;
}

/** Whether a silence is about an incident. */
function isSilenced(incident: KeptIncident, { model, kind, slice, fingerprint }: Silence): boolean {
  return (
    (model === null || model === incident.model) &&
    (kind === null || kind === incident.kind) &&
    (slice === null || slice === incident.slice || slice === incident.slice?.split('=')[0]) &&
    (fingerprint === null || fingerprint === incident.fingerprint)
  );
}

async function attempt(
  batch: readonly AlertDelivery[],
  isDigest: boolean,
  sink: AlertSink,
  { store, place, signal, clean }: DeliveryOptions,
  now: number,
): Promise<SinkAnswer> {
  const found = await Promise.all(batch.map(({ incident }) => store.incident(incident)));
  const incidents = found.filter((one) => one !== null);
  const [first, ...others] = incidents;
  if (first === undefined) return { kind: 'refused', reason: 'the incident is gone' };
  const message = isDigest
    ? digestMessage(place, [first, ...others], now)
    : incidentMessage(place, first, nextMessage(first, batch[0]), now);
  const answer = await sink.send(message, signal);
  return answer.kind === 'accepted' ? answer : { ...answer, reason: clean(answer.reason) };
}

async function settled(
  one: AlertDelivery,
  isDigest: boolean,
  answer: SinkAnswer,
  sink: AlertSink,
  { store, clock, giveUpMs }: DeliveryOptions,
): Promise<Settled> {
  const now = clock();
  const { incident: no, sink: name, wanted, accepted, attempts } = one;
  const base = { incident: no, sink: name, wanted };
  if (answer.kind === 'accepted') {
    const incident = await store.incident(no);
    const known = isDigest || incident === null ? wanted : Math.min(wanted, nextMessage(incident, one).revision);
    const repeatMs = incident === null || incident.state === 'resolved' ? null : sink.capabilities.repeatMs;
    return {
      ...base,
      accepted: known,
      state: repeatMs === null ? 'settled' : 'repeating',
      dueAt: repeatMs === null ? now : now + repeatMs,
      attempts: 0,
      failingSince: null,
      error: null,
    };
  }
  const failingSince = one.failingSince ?? now;
  const isDead = answer.kind === 'refused' || now - failingSince >= giveUpMs;
  const wait = Math.max(
    Math.min(FIRST_WAIT_MS * 2 ** Math.min(attempts, 20), LONGEST_WAIT_MS),
    answer.kind === 'later' ? (answer.afterMs ?? 0) : 0,
  );
  return {
    ...base,
    accepted,
    state: isDead ? 'dead' : 'waiting',
    dueAt: now + wait,
    attempts: attempts + 1,
    failingSince,
    error: answer.reason,
  };
}

function postponed(one: AlertDelivery, dueAt: number): Settled {
  const { incident, sink, wanted, accepted, state, attempts, failingSince, error } = one;
  return { incident, sink, wanted, accepted, state, dueAt, attempts, failingSince, error };
}

async function report(
  sink: string,
  answer: SinkAnswer,
  batch: readonly AlertDelivery[],
  { store, clock, giveUpMs, onFault }: DeliveryOptions,
): Promise<void> {
  const now = clock();
  if (answer.kind === 'accepted') {
    await store.count(sink, 'accepted', now);
    return;
  }
  await store.count(sink, 'failed', now);
  const isDead = (one: AlertDelivery) =>
    answer.kind === 'refused' || (one.failingSince !== null && now - one.failingSince >= giveUpMs);
  const dead = batch.filter(isDead);
  for (const _ of dead) await store.count(sink, 'dead', now);
  if (dead.length > 0) onFault(new Error(`${dead.length} messages to sink ${sink} were given up: ${answer.reason}`));
}
