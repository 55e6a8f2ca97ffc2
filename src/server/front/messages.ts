import type { AddressInfo } from 'node:net';
import type { MessagePort } from 'node:worker_threads';
import type { HotRequest } from '../lean/hot-route.ts';
import type { LeanResponse } from '../lean/response.ts';

/**
 * Messages of the front to the thread of the project. Requests and answers go as flat lists of a whole turn, which are copied at a
 * fraction of the cost of as many objects.
 */
export type FromFront =
  | RequestList
  /** The client of a request has gone before its answer. */
  | { readonly kind: 'gone'; readonly number: number }
  | { readonly kind: 'listening'; readonly address: AddressInfo }
  | { readonly kind: 'refused'; readonly reason: string }
  /** A connection for the full server: what goes over the port is {@link Piece}. */
  | { readonly kind: 'handedOver'; readonly port: MessagePort };

/** Messages to the front. Null tells it to refuse new connections, send its answers and end with its last connection. */
export type ToFront = AnswerList | null;

/** Of each request its number and the fields of {@link addRequest}. */
export type RequestList = (number | string | boolean | null | Uint8Array)[];

/** Of each answer the number of its request, and the whole response. */
export type AnswerList = (number | LeanResponse)[];

/** Bytes of a connection, either way; how many of the other's bytes have been taken; `end`: no more are sent. */
export type Piece = Uint8Array | number | 'end';

/** The bytes alone, without the rest of their memory: a message takes all of it along. */
export function alone(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : Uint8Array.prototype.slice.call(bytes);
}

const REQUEST_FIELDS = 9;

/** Hot path. */
export function addRequest(list: RequestList, number: number, head: HotRequest, body: string | Uint8Array): void {
  list.push(number, head.path, head.authorization, head.isBinary, head.isLines, head.traceparent);
  list.push(head.headerLength, head.timeout, typeof body === 'string' ? body : alone(body));
}

/** Hot path. */
export function forRequests(
  list: RequestList,
  take: (number: number, head: HotRequest, body: string | Uint8Array) => void,
): void {
  for (let i = 0; i < list.length; i += REQUEST_FIELDS) {
    const head: HotRequest = {
      path: list[i + 1] as string,
      authorization: list[i + 2] as string | null,
      isBinary: list[i + 3] as boolean,
      isLines: list[i + 4] as boolean,
      traceparent: list[i + 5] as string | null,
      headerLength: list[i + 6] as string | null,
      timeout: list[i + 7] as string | null,
      takesBytes: typeof list[i + 8] !== 'string',
    };
    take(list[i] as number, head, list[i + 8] as string | Uint8Array);
  }
}

/** Hot path. */
export function addAnswer(list: AnswerList, number: number, response: LeanResponse): void {
  list.push(number, typeof response === 'string' ? response : alone(response));
}

/** Hot path. */
export function forAnswers(list: AnswerList, take: (number: number, response: LeanResponse) => void): void {
  for (let i = 0; i < list.length; i += 2) take(list[i] as number, list[i + 1] as LeanResponse);
}
