import type { EventSourceData } from '../../features/define/declaration.ts';
import type { TakenRows } from '../../featurestore/ingest/ingest-files.ts';
import { rawInteger } from '../../schema/json-exact.ts';
import type { ServerLink } from './server-link.ts';

/** The most bytes of one request: less than any limit that a server sets. */
const MOST_BYTES = 256 * 1_024;

/** The most events of one request: the answer names each that is refused. */
const MOST_EVENTS = 100;

const NOTHING: TakenRows = { accepted: 0, duplicate: 0, late: 0, pending: 0, refused: 0, errors: [] };

/** Sends events to a running server, in requests that it takes whole. Errors: those of the server, SERVER_ASK. */
export async function ingestThrough(
  server: ServerLink,
  source: Pick<EventSourceData, 'name'>,
  events: readonly unknown[],
): Promise<TakenRows> {
  let taken = NOTHING;
  let first = 0;
  for (const some of requestsOf(events)) {
    const answer = await server.ask('POST', `/v1/events/${source.name}`, some, 400);
    taken = added(taken, JSON.parse(answer) as TakenRows, first);
    first += some.length;
  }
  return taken;
}

function added(before: TakenRows, after: TakenRows, first: number): TakenRows {
  const errors = after.errors.map(({ index, code, message }) => ({ index: first + index, code, message }));
  return {
    accepted: before.accepted + after.accepted,
    duplicate: before.duplicate + after.duplicate,
    late: before.late + after.late,
    pending: before.pending + after.pending,
    refused: before.refused + after.refused,
    errors: [...before.errors, ...errors],
  };
}

/** Events in requests, in their order. */
function* requestsOf(events: readonly unknown[]): Generator<readonly unknown[]> {
  let some: unknown[] = [];
  let bytes = 0;
  for (const event of events) {
    const sent = withoutBigints(event);
    const size = Buffer.byteLength(JSON.stringify(sent));
    if (some.length > 0 && (some.length === MOST_EVENTS || bytes + size > MOST_BYTES)) {
      yield some;
      some = [];
      bytes = 0;
    }
    some.push(sent);
    bytes += size;
  }
  if (some.length > 0) yield some;
}

/** An event as JSON has it: a bigint is a number with all its digits. */
function withoutBigints(value: unknown): unknown {
  if (typeof value === 'bigint') return rawInteger(value);
  if (Array.isArray(value)) return value.map(withoutBigints);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, withoutBigints(of)]));
}
