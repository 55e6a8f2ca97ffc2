import type { EventOf, RequestOf } from 'headrace';
import type { clicks, purchases, recommendation } from './declaration.ts';

export type Click = EventOf<typeof clicks>;
export type Purchase = EventOf<typeof purchases>;
export type Request = RequestOf<typeof recommendation>;

/** What happened up to `at`, epoch ms, and was in no slice before; in order of time. */
export interface Slice {
  readonly at: number;
  readonly clicks: readonly Click[];
  readonly purchases: readonly Purchase[];
}

/** Where a shop's events and requests come from: the generator, or a log of purchases. */
export interface Traffic {
  /** What happened before the demonstration, slice by slice. */
  history(): AsyncIterable<Slice> | Iterable<Slice>;
  /** What has happened since the last slice. */
  live(at: number): Slice;
  /** The shop was closed until `at`: nothing happened since the last slice. */
  openAt(at: number): void;
  /** Draws one request, as a user who is there now would cause it. */
  request(): Request;
}
