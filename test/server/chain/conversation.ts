import { type Random, randomBelow } from '../../../src/base/rng.ts';

/** Bytes that a client sends over one connection, in pieces. */
export interface Conversation {
  readonly pieces: readonly Buffer[];
  /** Only whole and plain requests: each has to be answered. */
  readonly isHonest: boolean;
}

const METHODS = [
  'GET',
  'HEAD',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'POST',
  'PUT',
  'PATCH',
  'QUERY',
  'PROPFIND',
  'get',
  'CONNECT',
];

const NAMED = [
  'close',
  'keep-alive',
  'content-length',
  'transfer-encoding',
  'Content-Length, Transfer-Encoding',
  'host',
  'content-type',
  ' , ,content-length',
  'upgrade',
];

/** Fields that make two readers of a message disagree on where it ends, or might. */
const ODD_FIELDS = [
  'transfer-encoding: chunked',
  'Transfer-Encoding: chunked, identity',
  'transfer-encoding: identity',
  'transfer-encoding: xchunked',
  'transfer-encoding:\tchunked',
  'transfer-encoding : chunked',
  'transfer-encoding: gzip, chunked',
  'transfer-encoding: chunked\r\ntransfer-encoding: identity',
  'content-length: 0',
  'content-length: 5',
  'content-length: +5',
  'content-length: 0x5',
  'content-length: 5, 5',
  ' content-length: 5',
  'x-note: a\r\n content-length: 5',
  'x-note: a\ncontent-length: 5',
  'x-note: a\rcontent-length: 5',
  'expect: 100-continue',
  'expect: 200-ok',
  'te: trailers',
  'trailer: content-length',
  'upgrade: h2c',
  'keep-alive: timeout=1',
  'x-h\x80: \xff',
  'x-bell: \x07',
];

const pick = <T>(random: Random, from: readonly T[]): T => from[randomBelow(random, from.length)];

/** The conversation of a number, the same for the same chance. Each request in it has the mark `m<number>x<place>y` or its own price. */
export function conversation(number: number, random: Random): Conversation {
  const isHonest = random() < 0.3;
  const requests = Array.from({ length: 1 + randomBelow(random, 3) }, (_, place) =>
    isHonest ? honest(number, place, random) : hostile(number, place, random),
  );
  let text = requests.join('');
  if (!isHonest && random() < 0.15) text = edited(text, random);
  return { pieces: cut(Buffer.from(text, 'latin1'), random), isHonest };
}

interface Target {
  readonly line: string;
  readonly body: string;
}

/** Requests whose answers say the mark: by the lean reader, the full server of the process that reads, and the writer. */
function target(number: number, place: number, random: Random): Target {
  const mark = `m${number}x${place}y`;
  const price = (number * 10 + place) % 10_000_000;
  const targets: readonly Target[] = [
    { line: 'POST /v1/features/shopper', body: `{"request":{"user":"ann","price":${price}}}` },
    { line: `POST /v1/events/${mark}`, body: '[]' },
    { line: 'POST /v1/events/purchases', body: `[{"id":"a","at":1,"price":1,"number":1,"${mark}":1}]` },
    { line: `POST /v1/predictions/${mark}`, body: '{}' },
    { line: 'POST /v1/admin/promote', body: `{"model":"${mark}","version":1}` },
  ];
  return pick(random, targets);
}

function honest(number: number, place: number, random: Random): string {
  if (random() < 0.2) return `GET /v1/m${number}x${place}y HTTP/1.1\r\nhost: localhost\r\n\r\n`;
  const { line, body } = target(number, place, random);
  const framed = framedBody(body, random() < 0.3 ? 'chunks' : 'length');
  return `${line} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${framed}`;
}

/** What an attacker hopes that the next hop takes for a request: its mark is of no request of anybody. */
const smuggled = (number: number) => `POST /v1/events/m${number}x9y HTTP/1.1\r\nhost: localhost\r\nx-rest: `;

function hostile(number: number, place: number, random: Random): string {
  const known = target(number, place, random);
  const method = pick(random, METHODS);
  const isOdd = random() < 0.7;
  const line = isOdd ? `${method} /v1/m${number}x${place}y` : known.line;
  const fields = ['host: localhost'];
  if (random() < 0.8) fields.push('content-type: application/json');
  if (random() < 0.4) fields.push(`connection: ${pick(random, NAMED)}`);
  if (random() < 0.4) fields.push(pick(random, ODD_FIELDS));
  const body = isOdd && random() < 0.7 ? smuggled(number) : known.body;
  const framed = framedBody(body, pick(random, ['chunks', 'length', 'both', 'none', 'short']));
  const version = random() < 0.05 ? 'HTTP/1.0' : 'HTTP/1.1';
  return `${line} ${version}\r\n${fields.join('\r\n')}\r\n${framed}`;
}

type Framing = 'chunks' | 'length' | 'both' | 'none' | 'short';

/** The fields that say how long a body is, the empty line, and the body. */
function framedBody(body: string, framing: Framing): string {
  const length = `content-length: ${body.length}\r\n`;
  const chunked = 'transfer-encoding: chunked\r\n';
  const half = Math.ceil(body.length / 2);
  const chunks = `${chunk(body.slice(0, half))}${chunk(body.slice(half))}0\r\n\r\n`;
  const forms = {
    chunks: `${chunked}\r\n${chunks}`,
    length: `${length}\r\n${body}`,
    both: `${length}${chunked}\r\n${chunks}`,
    none: `\r\n${body}`,
    short: `content-length: ${half}\r\n\r\n${body}`,
  } as const satisfies Record<Framing, string>;
  return forms[framing];
}

function chunk(text: string): string {
  return text === '' ? '' : `${text.length.toString(16)}\r\n${text}\r\n`;
}

const PARTS = [
  '\r\n',
  '\n',
  '\r',
  ' ',
  '\0',
  '0\r\n\r\n',
  'content-length: 5\r\n',
  'transfer-encoding: chunked\r\n',
  'é',
];

function edited(text: string, random: Random): string {
  const at = randomBelow(random, text.length);
  return text.slice(0, at) + pick(random, PARTS) + text.slice(at + randomBelow(random, 8));
}

function cut(bytes: Buffer, random: Random): readonly Buffer[] {
  const places = Array.from({ length: random() < 0.5 ? 0 : randomBelow(random, 3) }, () =>
    randomBelow(random, bytes.length),
  ).sort((a, b) => a - b);
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i])).filter((piece) => piece.length > 0);
}
