import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { LogRecord } from '../../../src/ports/event-log.ts';
import { applyControl, type ControlState, firstControl } from '../../../src/serving/streaming/control-state.ts';
import {
  decodeControl,
  decodeLaneState,
  decodeOutput,
  encodeControl,
  encodeLaneState,
  encodeOutput,
} from '../../../src/serving/streaming/stream-record.ts';

const fixture = JSON.parse(readFileSync(new URL('../../fixtures/stream-records-1.json', import.meta.url), 'utf8'));
const recordOf = (payload: unknown): LogRecord => ({
  id: 'a1',
  ts: 1,
  ingestTs: 2,
  payload: Buffer.from(JSON.stringify(payload)),
});

test('records of format 1 are read, and written in the same words', () => {
  const output = decodeOutput('t', recordOf(fixture.output));
  expect(output).toMatchObject({ id: 'a1', at: 1, scoredAt: 2, offset: 7, score: 0.25, version: 3 });
  expect(JSON.parse(Buffer.from(encodeOutput(output).payload).toString())).toEqual(fixture.output);
  let state: ControlState | null = null;
  for (const payload of fixture.control) {
    const record = decodeControl('t', recordOf(payload));
    expect(JSON.parse(Buffer.from(encodeControl(record, 0).payload).toString())).toEqual(payload);
    if (record.kind === 'first') state = firstControl(1, record.version);
    else if (state !== null) state = applyControl(state, record);
  }
  expect(state?.intervals[0].map(({ from, version }) => [from, version])).toEqual([
    [0, 1],
    [9, 2],
  ]);
});

test('a state of format 1 is read, and written in the same words', () => {
  const state = decodeLaneState('t', Buffer.from(JSON.stringify(fixture.state)));
  expect(state.intervals.map(({ from, canary }) => [from, canary?.version ?? null])).toEqual([
    [0, null],
    [9, 2],
  ]);
  expect(JSON.parse(Buffer.from(encodeLaneState(state)).toString())).toEqual(fixture.state);
  expect(() => decodeLaneState('t', Buffer.from('{"format":2}'))).toThrow(
    expect.objectContaining({ code: 'STREAM_RECORD' }),
  );
});

test('a record of another format is named, and never read as one of this', () => {
  for (const payload of [{ ...fixture.output, format: 2 }, { ...fixture.output, more: 1 }, 'text', null])
    expect(() => decodeOutput('t', recordOf(payload))).toThrow(expect.objectContaining({ code: 'STREAM_RECORD' }));
  expect(() => decodeControl('t', recordOf({ format: 1, kind: 'later' }))).toThrow(
    expect.objectContaining({ code: 'STREAM_RECORD' }),
  );
});
