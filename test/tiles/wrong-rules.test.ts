import { expect, test } from 'vitest';
import { compareText } from '../../src/base/text-order.ts';
import { floorTo } from '../../src/base/time.ts';
import { golden } from './golden-view.ts';

/** How many golden answers each wrong rule would change: what the goldens are able to catch. */

interface Event {
  readonly id: string;
  readonly ts: number;
  readonly key: string;
  readonly value: string | null;
}

interface Question {
  readonly key: string;
  readonly q: number;
  readonly windowMs: number | null;
  readonly hopMs: number | null;
}

/** Which events a window takes. */
type Rule = (
  ts: number,
  question: { readonly q: number; readonly windowMs: number; readonly hopMs: number },
) => boolean;

const right: Rule = (ts, { q, windowMs, hopMs }) => floorTo(q - windowMs, hopMs) <= ts && ts < q;
const exactTail: Rule = (ts, { q, windowMs }) => q - windowMs <= ts && ts < q;
const strictTail: Rule = (ts, { q, windowMs, hopMs }) => floorTo(q - windowMs, hopMs) < ts && ts < q;
const inclusiveHead: Rule = (ts, { q, windowMs, hopMs }) => floorTo(q - windowMs, hopMs) <= ts && ts <= q;
/** The smallest hop of either golden. */
const HEAD = 300_000;
const wholeHeadTile: Rule = (ts, { q, windowMs, hopMs }) =>
  floorTo(q - windowMs, hopMs) <= ts && ts < floorTo(q, HEAD) + HEAD;
const hopEndHead: Rule = (ts, { q, windowMs, hopMs }) => floorTo(q - windowMs, hopMs) <= ts && ts < floorTo(q, HEAD);
const towardZero: Rule = (ts, { q, windowMs, hopMs }) => Math.trunc((q - windowMs) / hopMs) * hopMs <= ts && ts < q;

const byId = (a: Event, b: Event) => a.ts - b.ts || compareText(a.id, b.id);

/** Rows and the last three values, newest first. */
function answer(events: readonly Event[], question: Question, rule: Rule, order: (a: Event, b: Event) => number) {
  const { key, q, windowMs, hopMs } = question;
  const window = { q, windowMs: windowMs ?? Number.POSITIVE_INFINITY, hopMs: hopMs ?? HEAD };
  const mine = events.filter((event) => event.key === key && rule(event.ts, window));
  const values = mine.sort(order).flatMap(({ value }) => (value === null ? [] : [value]));
  return { rows: mine.length, last: values.slice(-3).reverse(), first: values[0] };
}

/** Of all questions, how many have another answer under another rule or order. */
function changed(
  events: readonly Event[],
  questions: readonly Question[],
  rule: Rule,
  order: (a: Event, b: Event) => number = byId,
): number {
  return questions.filter(
    (question) =>
      JSON.stringify(answer(events, question, rule, order)) !== JSON.stringify(answer(events, question, right, byId)),
  ).length;
}

test('sawtooth golden tells the rule from every wrong one', () => {
  const data = golden<{
    windows_ms: Record<string, number>;
    hops_ms: Record<string, number>;
    events: { id: string; key: string; ts: number; value: number | null }[];
    answers: { key: string; query_ts: number; windows: Record<string, { count_rows: number }> }[];
  }>('sawtooth_golden');
  const events = data.events.map((event) => ({ ...event, value: event.value === null ? null : String(event.value) }));
  const asked = data.answers.flatMap(({ key, query_ts: q, windows }) =>
    Object.entries(windows).map(([name, { count_rows: rows }]) => ({
      question: { key, q, windowMs: data.windows_ms[name], hopMs: data.hops_ms[name] },
      rows,
    })),
  );
  const wrongRows = (rule: Rule) =>
    asked.filter(({ question, rows }) => answer(events, question, rule, byId).rows !== rows).length;
  expect(wrongRows(right)).toBe(0);
  expect(wrongRows(exactTail)).toBe(110);
  expect(wrongRows(strictTail)).toBe(18);
  expect(wrongRows(inclusiveHead)).toBe(30);
  expect(wrongRows(wholeHeadTile)).toBe(55);
  expect(wrongRows(hopEndHead)).toBe(25);
  const questions = asked.map(({ question }) => question);
  expect(changed(events, questions, right, (a, b) => a.ts - b.ts || compareText(b.id, a.id))).toBeGreaterThanOrEqual(
    20,
  );
});

test('delivery-faults golden tells the rule from every wrong one', () => {
  const data = golden<{
    windows_ms: Record<string, number | null>;
    hops_ms: Record<string, number | null>;
    lateness_ms: number;
    future_skew_ms: number;
    deliveries: { id: string; tenant: string; user: string; ts: number; ingest_ts: number; value: string | null }[];
    answers: { tenant: string; user: string; query_ts: number; windows: Record<string, { count_rows: number }> }[];
  }>('delivery_faults_golden');
  const acceptedWhere = (burns: boolean) => {
    const seen = new Set<string>();
    const events: (Event & { readonly arrival: number })[] = [];
    data.deliveries.forEach(({ id, tenant, user, ts, ingest_ts, value }, arrival) => {
      const counts = ts - ingest_ts <= data.future_skew_ms && ingest_ts - ts <= data.lateness_ms;
      if (!seen.has(id) && counts) events.push({ id, key: JSON.stringify([tenant, user]), ts, value, arrival });
      if (counts || burns) seen.add(id);
    });
    return events;
  };
  const events = acceptedWhere(false);
  const asked = data.answers.flatMap(({ tenant, user, query_ts: q, windows }) =>
    Object.entries(windows).map(([name, { count_rows: rows }]) => ({
      question: { key: JSON.stringify([tenant, user]), q, windowMs: data.windows_ms[name], hopMs: data.hops_ms[name] },
      rows,
    })),
  );
  const questions = asked.map(({ question }) => question);
  for (const { question, rows } of asked) expect(answer(events, question, right, byId).rows).toBe(rows);
  // A refused delivery that used up its id.
  const burnt = acceptedWhere(true);
  expect(asked.filter(({ question, rows }) => answer(burnt, question, right, byId).rows !== rows).length).toBe(16);
  expect(changed(events, questions, exactTail)).toBe(10);
  expect(changed(events, questions, strictTail)).toBe(2);
  expect(changed(events, questions, inclusiveHead)).toBe(45);
  expect(changed(events, questions, towardZero)).toBe(1);
  const padded = (a: Event, b: Event) => a.ts - b.ts || compareText(a.id.padStart(20, '0'), b.id.padStart(20, '0'));
  expect(changed(events, questions, right, padded)).toBe(29);
  const arrivals = new Map(events.map(({ id, arrival }) => [id, arrival]));
  const byArrival = (a: Event, b: Event) => a.ts - b.ts || (arrivals.get(a.id) ?? 0) - (arrivals.get(b.id) ?? 0);
  expect(changed(events, questions, right, byArrival)).toBe(20);
});
