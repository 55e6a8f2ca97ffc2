import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineProject } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { VECTOR_BINARY_TYPE } from '../../src/schema/vector-format.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { smallFrame } from '../models/small-frame.ts';
import { asked, came, service, small } from '../models/small-project.ts';
import { type Draw, draws } from './draws.ts';
import { type Asked, Line } from './kept-line.ts';

/** Requests to each server; a longer run elsewhere sets more. */
const REQUESTS = Number(process.env['HEADRACE_FUZZ'] ?? 400);
const SEED = Number(process.env['HEADRACE_SEED'] ?? 1);
const AT_ONCE = 8;
const START = Date.UTC(2026, 0, 1);

const frame = smallFrame();
const directory = mkdtempSync(join(tmpdir(), 'headrace-predictions-lean-'));
let now = START;
let headrace: Headrace;
const servers: RunningServer[] = [];

const requestOf = (row: number) => ({
  name: `n${row % 5}`,
  number: frame.columns[0][row],
  gaps: Number.isNaN(frame.columns[1][row]) ? null : frame.columns[1][row],
  category: frame.columns[2][row],
});

beforeAll(async () => {
  const project = defineProject('lean', { asked, came, service, small });
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 }, clock: () => now });
  for (let row = 0; row < 200; row += 1) {
    now = START + row * 60_000;
    await headrace.ingest(asked, [{ id: `t${row}`, at: now, ...requestOf(row) }]);
    await headrace.ingest(came, [{ id: `c${row}`, at: now, asked: `t${row}`, good: frame.labels[row] === 1 }]);
  }
  await headrace.train(small, { to: now + 1 });
  await headrace.promote(small, 1);
  for (const sharesPort of [false, true])
    servers.push(await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 20_000, sharesPort }));
}, 600_000);

afterAll(async () => {
  for (const server of servers) await server.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

const FIELDS = [
  'content-type: application/json; charset=utf-8',
  'content-type: text/plain',
  'content-type: application/octet-stream',
  `accept: ${VECTOR_BINARY_TYPE}`,
  'accept: application/json',
  'accept: */*',
  'accept: text/html',
  'headrace-timeout-ms: 600000',
  'headrace-timeout-ms: x',
  'headrace-timeout-ms: -1',
  'headrace-timeout-ms: 1e9',
  'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'authorization: Bearer nobody',
  'inference-header-content-length: 5',
  'x-other: 1',
];

const VALUES = [
  null,
  1,
  -1,
  1e308,
  0.1,
  '',
  'a',
  'ü',
  '\u0000',
  '\ud800',
  true,
  [],
  {},
  2 ** 53,
  '1970-01-01T00:00:00Z',
];
const KEYS = ['id', 'request', 'requests', 'at', 'name', 'number', 'gaps', 'category', 'model', '__proto__'];
const PATHS = ['/v1/predictions/small', '/v1/predictions/small', '/v1/predictions/small', '/v1/predictions/nobody'];

/** A call that is right, one with a value or a member changed, or one with bytes changed. */
function drawn(draw: Draw, i: number): Asked {
  const pick = <T>(list: readonly T[]): T => list[draw(list.length)] as T;
  const one = (): Record<string, unknown> => ({ id: `p${i}-${draw(3)}`, request: requestOf(draw(400)) });
  const call: Record<string, unknown> = draw(3) === 0 ? { requests: Array.from({ length: draw(5) }, one) } : one();
  for (let changes = draw(4); changes > 1; changes -= 1) change(call, draw, pick);
  let text = JSON.stringify(call);
  if (draw(8) === 0) text = text.replace(/\d+/, pick(['1e400', '-0', '01', '.5', '9007199254740993', 'NaN', '1e-400']));
  const body = Buffer.from(text);
  for (let changes = draw(6) === 0 ? 1 + draw(4) : 0; changes > 0; changes -= 1) body[draw(body.length)] = draw(256);
  const bytes = draw(30) === 0 ? body.subarray(0, 1 + draw(body.length)) : body;
  const names = new Set<string>();
  const fields = Array.from({ length: draw(4) }, () => pick(FIELDS)).filter((field) => {
    const name = field.slice(0, field.indexOf(':'));
    return !names.has(name) && names.add(name);
  });
  return {
    path: pick(PATHS),
    fields: names.has('content-type') ? fields : [...fields, 'content-type: application/json'],
    body: bytes,
  };
}

function change(call: Record<string, unknown>, draw: Draw, pick: <T>(list: readonly T[]) => T): void {
  const requests = call['requests'];
  const inner = Array.isArray(requests) && requests.length > 0 ? pick(requests) : call;
  const target = draw(2) === 0 && typeof inner.request === 'object' && inner.request !== null ? inner.request : inner;
  const key = pick(KEYS);
  if (draw(4) === 0) delete target[key];
  else
    Object.defineProperty(target, key, {
      value: structuredClone(pick(VALUES)),
      enumerable: true,
      configurable: true,
      writable: true,
    });
}

describe.each([0, 1])('a server of one thread or two: %i', (which) => {
  test('the lean reader answers a prediction as the full server does', async () => {
    const port = Number(new URL(servers[which]?.url ?? '').port);
    const statuses = new Map<string, number>();
    let next = 0;
    const compare = async (): Promise<void> => {
      const [lean, full] = [new Line(port), new Line(port)];
      while (next < REQUESTS) {
        next += 1;
        const request = drawn(draws(SEED * 7_919 + next * 2 + which), next);
        const answer = await lean.ask(request, true);
        const expected = await full.ask(request, false);
        expect(answer, `request ${next}: ${request.fields.join(', ')} ${request.body.toString('latin1')}`).toBe(
          expected,
        );
        const [status = ''] = answer.split('\n');
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      lean.close();
      full.close();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, compare));
    expect([...statuses.keys()]).toEqual(expect.arrayContaining(['200', '400', '404']));
    if (process.env['HEADRACE_FUZZ'] !== undefined) console.warn(Object.fromEntries(statuses));
  });
});
