import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import type { LogRecord } from '../../src/ports/event-log.ts';
import type { LoggedPrediction } from '../../src/serving/online/prediction.ts';
import { decodePrediction, encodePrediction, predictionTopic } from '../../src/serving/online/prediction-record.ts';

const time = fc.integer({ min: -8.64e15, max: 8.64e15 }).map((ms) => ms + 0);
const age = fc.option(fc.nat(), { nil: null });
const prediction: fc.Arbitrary<LoggedPrediction> = fc.record({
  id: fc.string({ unit: 'binary', minLength: 1 }),
  at: time,
  servedAt: time,
  version: fc.nat(),
  score: fc.float({ noNaN: true, noDefaultInfinity: true }).map((score) => score + 0),
  streamingAgeMs: age,
  batchAgeMs: age,
  missing: fc.nat(),
});

interface Fixture {
  readonly record: { readonly id: string; readonly ts: number; readonly ingestTs: number; readonly payload: string };
  readonly prediction: LoggedPrediction;
}

test('a prediction that is encoded and decoded is itself', () => {
  fc.assert(
    fc.property(prediction, (one) => {
      expect(decodePrediction(encodePrediction(one))).toEqual(one);
    }),
  );
});

test.each([1, 2, 3])('a record of format %i is read as it was written', (format) => {
  const fixture = JSON.parse(
    readFileSync(new URL(`../fixtures/prediction-record-${format}.json`, import.meta.url), 'utf8'),
  ) as Fixture;
  const payload = new TextEncoder().encode(fixture.record.payload);
  expect(decodePrediction({ ...fixture.record, payload })).toEqual(fixture.prediction);
  expect(encodePrediction(fixture.prediction)).toEqual({ ...fixture.record, payload: Buffer.from(payload) });
});

test('a blanked record is no prediction', () => {
  expect(decodePrediction({ id: '', ts: 0, ingestTs: 5, payload: new Uint8Array(0) })).toBeNull();
});

/** A record whose payload is what `of` makes of the text of a real one. */
function altered(of: (text: string) => string): LogRecord {
  const record = encodePrediction({
    id: 'p',
    at: 1,
    servedAt: 2,
    version: 3,
    score: 0.5,
    streamingAgeMs: null,
    batchAgeMs: 7,
    missing: 0,
  });
  return { ...record, payload: new TextEncoder().encode(of(new TextDecoder().decode(record.payload))) };
}

test.each([
  ['another format', (text: string) => text.replace('"format":1', '"format":2')],
  ['no format', (text: string) => text.replace('"format":1,', '')],
  ['a score that is text', (text: string) => text.replace('0.5', '"0.5"')],
  ['no version', (text: string) => text.replace('"version":3,', '')],
  ['an age that is true', (text: string) => text.replace('7', 'true')],
  ['a list', () => '[1]'],
  ['nothing', () => ''],
])('a record with %s is refused', (_, of) => {
  expect(() => decodePrediction(altered(of))).toThrow(expect.objectContaining({ code: 'PREDICTION_RECORD' }));
});

test('a record that is cut anywhere is refused, and no bytes make anything but a prediction or a coded error', () => {
  const whole = altered((text) => text);
  for (let length = 0; length < whole.payload.length; length += 1)
    expect(() => decodePrediction({ ...whole, payload: whole.payload.slice(0, length) })).toThrow();
  fc.assert(
    fc.property(fc.uint8Array(), (payload) => {
      try {
        decodePrediction({ ...whole, payload });
      } catch (error) {
        expect(isHeadraceError(error, 'PREDICTION_RECORD')).toBe(true);
      }
    }),
  );
});

test('the topic of a model is no topic that an event source can have', () => {
  expect(predictionTopic({ name: 'late_departure' })).toBe('predictions-late_departure@1');
  expect(predictionTopic({ name: 'm' }).split('@')[0]).not.toMatch(/^[a-z][a-z0-9_]*$/i);
});
