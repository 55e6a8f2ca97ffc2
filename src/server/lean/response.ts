import { STATUS_CODES } from 'node:http';
import { fail, type HeadraceError } from '../../base/errors/fail.ts';
import { VECTOR_BINARY_TYPE } from '../../schema/vector-format.ts';
import type { InferredBytes } from '../../serving/oip/write-infer.ts';
import { retryAfterS } from '../../versions/request/refuse.ts';
import { errorBody, errorText } from '../error-answer.ts';

/** A whole response: bytes, or a text of ASCII. */
export type LeanResponse = string | Uint8Array;

/** 200 with a JSON text of ASCII: as long in bytes as it is. Hot path. */
export function asciiResponse(text: string): LeanResponse {
  return `${okHead()}${text.length}\r\n\r\n${text}`;
}

/** 200 with a JSON text. Hot path. */
export function textResponse(text: string): LeanResponse {
  return Buffer.from(`${okHead()}${Buffer.byteLength(text)}\r\n\r\n${text}`, 'utf8');
}

/** 200 with vectors in the compact binary form. Hot path. */
export function binaryResponse(bytes: Uint8Array): LeanResponse {
  const head = `HTTP/1.1 200 OK\r\ncontent-type: ${VECTOR_BINARY_TYPE}\r\ndate: ${new Date().toUTCString()}\r\ncontent-length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
}

/** A JSON text with another status. */
export function statusResponse(status: number, text: string): LeanResponse {
  return Buffer.from(wholeText(status, '', text), 'utf8');
}

/** 200 with the answer of a model. Hot path. */
export function inferResponse({ headerLength, body, timing }: InferredBytes): LeanResponse {
  const type = headerLength === null ? 'application/json' : 'application/octet-stream';
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  const more = headerLength === null ? '' : `inference-header-content-length: ${headerLength}\r\n`;
  const head = `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\n${more}server-timing: ${timing}\r\ndate: ${dateOfThisSecond()}\r\ncontent-length: ${length}\r\n\r\n`;
  if (typeof body === 'string') return Buffer.from(`${head}${body}`, 'utf8');
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

/** An error as its answer to a path; `hide` takes out of its text what stays on this machine. */
export function errorResponse(
  error: HeadraceError,
  hide: (text: string) => string = (text) => text,
  path = '',
): LeanResponse {
  return Buffer.from(wholeError(error, path, hide), 'utf8');
}

/** The status that a response says. */
export function statusOf(response: LeanResponse): number {
  const text =
    typeof response === 'string' ? response : Buffer.from(response.subarray(0, LINE_BYTES)).toString('latin1');
  return Number(text.slice(STATUS_AT, STATUS_AT + 3));
}

const STATUS_AT = 'HTTP/1.1 '.length;
const LINE_BYTES = STATUS_AT + 3;

/** The answer to a request that is turned away. */
export const BUSY = fail('SERVER_BUSY', {});

/** The answer to half a request where the server closes; the connection ends with it. */
export function closingResponse(): string {
  const error = fail('SERVER_CLOSING', {});
  return wholeText(error.status, 'connection: close\r\nretry-after: 1\r\n', JSON.stringify(errorBody(error)));
}

let second = Number.NaN;
let ok = '';
let busy = '';
let date = '';

/** The whole answer to a request that is turned away: to give it costs less than to answer. Hot path. */
export function busyResponse(): string {
  ofThisSecond();
  return busy;
}

/** The head of an answer up to its length; its date is of this second. */
function okHead(): string {
  ofThisSecond();
  return ok;
}

function ofThisSecond(): void {
  const now = Math.floor(Date.now() / 1_000);
  if (now === second) return;
  second = now;
  ok = `HTTP/1.1 200 OK\r\n${fields()}`;
  date = new Date().toUTCString();
  busy = wholeError(BUSY, '');
}

function wholeError(error: HeadraceError, path: string, hide: (text: string) => string = (text) => text): string {
  const later = error.retry === 'later' ? `retry-after: ${retryAfterS(error)}\r\n` : '';
  return wholeText(error.status, later, hide(errorText(error, path)));
}

function dateOfThisSecond(): string {
  ofThisSecond();
  return date;
}

function wholeText(status: number, more: string, text: string): string {
  const line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`;
  return `${line}\r\n${more}${fields()}${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

function fields(): string {
  return `content-type: application/json; charset=utf-8\r\ndate: ${new Date().toUTCString()}\r\ncontent-length: `;
}
