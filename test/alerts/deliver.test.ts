import '../seed.ts';
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compareText } from '../../src/base/text-order.ts';
import { incidentContracts } from '../../src/testing/contracts/incident.ts';
import { type Desk, incident, openDesk, START } from './desk.ts';
import { type Receiver, startReceiver } from './receiver.ts';

interface Body {
  readonly key: string;
  readonly action: string;
  readonly title: string;
  readonly text: string;
  readonly incidents: readonly { readonly id: string; readonly state: string; readonly fingerprint: string }[];
}

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

const webhook = (more: object = {}) =>
  ({
    sinks: { hook: { kind: 'webhook', url: receiver.url, ...more } },
  }) as Parameters<typeof openDesk>[0];

const bodies = (): readonly Body[] => receiver.received.map(({ body }) => JSON.parse(body) as Body);
const accepted = (): readonly Body[] =>
  receiver.received.filter(({ status }) => status === 200).map(({ body }) => JSON.parse(body) as Body);
const actions = () => accepted().map(({ action }) => action);

describe('the book of incidents keeps the rules of its port', () => {
  test.each(incidentContracts)('rule $rule: $name', async ({ run }) => {
    const { alerts } = await openDesk({});
    await run({ open: () => alerts.book });
    await alerts.close();
  });
});

describe('messages', () => {
  test('an incident is opened, updated, acknowledged and resolved at its sink, once each', async () => {
    const desk = await openDesk(webhook());
    const { book } = desk.alerts;
    expect(await book.open(incident())).toBe('opened');
    await desk.after(0);
    expect(await book.open(incident())).toBe('updated');
    await desk.after(1);
    // New figures alone are kept, and no message says so.
    await book.update(incident().fingerprint, { at: START + 1, evidence: { after: 0.3 } });
    await desk.after(1);
    await book.update(incident().fingerprint, { at: START + 2, evidence: {}, summary: 'it rose further' });
    await desk.after(1);
    await book.acknowledge(incident().fingerprint, 'ada');
    await desk.after(1);
    await book.resolve(incident().fingerprint, { at: START + 3, reason: 'retrained' });
    await desk.after(1);
    await desk.after(1_000_000);
    expect(actions()).toEqual(['opened', 'updated', 'acknowledged', 'resolved']);
    expect(new Set(bodies().map(({ key }) => key)).size).toBe(4);
    expect(new Set(bodies().map(({ incidents }) => incidents[0].id)).size).toBe(1);
    await book.open(incident({ at: START + 9 }));
    await desk.after(1);
    expect(bodies().at(-1)?.incidents[0].id).not.toBe(bodies()[0].incidents[0].id);
    await desk.alerts.close();
  });

  test('a message is signed over its id, its time and its body', async () => {
    process.env['HEADRACE_TEST_HOOK'] = 'whsec_c2VjcmV0LW9mLXRlc3Q=';
    const desk = await openDesk(webhook({ secret: { env: 'HEADRACE_TEST_HOOK' } }));
    await desk.alerts.book.open(incident());
    await desk.after(0);
    const [{ headers, body }] = receiver.received;
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
    const expected = createHmac('sha256', Buffer.from('secret-of-test')).update(signed).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${expected}`);
    expect(headers['webhook-id']).toBe((JSON.parse(body) as Body).key);
    expect(body).not.toContain('c2VjcmV0LW9mLXRlc3Q');
    await desk.alerts.close();
  });

  test('a secret or a personal value that a caller wrote is in no message', async () => {
    process.env['HEADRACE_TEST_HOOK'] = 'very-secret-value';
    const desk = await openDesk(webhook({ secret: { env: 'HEADRACE_TEST_HOOK' } }));
    await desk.alerts.book.open(
      incident({
        summary: 'ada@example.com broke it with very-secret-value',
        slice: 'user=ada@example.com',
        evidence: {
          'bob@example.org': 1,
          card: '4111 1111 1111 1111',
          phone: '+49 171 5551234',
          digest: '4111111111111112',
          at: 1_767_571_200_000,
        },
      }),
    );
    await desk.after(0);
    const [{ body }] = receiver.received;
    for (const private_ of ['ada@', 'bob@', 'very-secret', '4111 1111 1111 1111', '5551234'])
      expect(body).not.toContain(private_);
    // A number that no card has, and an instant, stay.
    expect(body).toContain('4111111111111112');
    expect(body).toContain('1767571200000');
    await desk.alerts.close();
  });

  test('an incident that opened and ended while the sink was away arrives as both, in order', async () => {
    const desk = await openDesk(webhook());
    receiver.otherwise = 503;
    await desk.alerts.book.open(incident());
    for (let i = 0; i < 5; i += 1) await desk.after(3_600_000);
    await desk.alerts.book.update(incident().fingerprint, { at: desk.now, evidence: {}, summary: 'worse' });
    await desk.alerts.book.resolve(incident().fingerprint, { at: desk.now, reason: 'gone' });
    for (let i = 0; i < 5; i += 1) await desk.after(3_600_000);
    receiver.otherwise = 200;
    await desk.drain();
    expect(actions()).toEqual(['opened', 'resolved']);
    await desk.alerts.close();
  });
});

describe('failures', () => {
  test('a failed message waits longer each time, up to five minutes, and as long as the receiver asks', async () => {
    const desk = await openDesk(webhook());
    receiver.otherwise = 500;
    await desk.alerts.book.open(incident());
    const waits: number[] = [];
    for (let i = 0; i < 12; i += 1) {
      await desk.after(0);
      const [{ dueAt }] = await desk.alerts.store.unsettled();
      waits.push(dueAt - desk.now);
      desk.now = dueAt;
    }
    expect(waits.slice(0, 9)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256].map((s) => s * 1_000));
    expect(new Set(waits.slice(9))).toEqual(new Set([300_000]));
    receiver.plan = [{ status: 429, retryAfter: '3600' }];
    await desk.after(0);
    expect((await desk.alerts.store.unsettled())[0].dueAt - desk.now).toBe(3_600_000);
    await desk.alerts.close();
  });

  test('a refused message is a dead letter at once, an absent sink after its time; a retry or a change sends it after all', async () => {
    const desk = await openDesk({ ...webhook(), giveUpAfter: '2h' });
    receiver.plan = [400];
    await desk.alerts.book.open(incident());
    await desk.after(0);
    expect(await desk.alerts.store.unsettled()).toMatchObject([{ state: 'dead', error: 'it answered 400: said' }]);
    expect(String(desk.faults[0])).toContain('given up');
    expect(await desk.after(1_000_000)).toBe(0);
    expect(await desk.alerts.store.retry(null, desk.now)).toBe(1);
    expect(await desk.after(0)).toBe(1);
    receiver.otherwise = 503;
    await desk.alerts.book.resolve(incident().fingerprint, { at: desk.now, reason: 'gone' });
    for (let i = 0; i < 30; i += 1) await desk.after(300_000);
    expect(await desk.alerts.store.unsettled()).toMatchObject([{ state: 'dead' }]);
    receiver.otherwise = 200;
    expect(await desk.after(300_000)).toBe(0);
    await desk.alerts.store.retry('hook', desk.now);
    await desk.after(0);
    expect(actions()).toEqual(['opened', 'resolved']);
    await desk.alerts.close();
  });

  test('a receiver that hangs, loses its answer or is away is asked again with the same key', async () => {
    const desk = await openDesk(webhook({ timeout: '300ms' }));
    receiver.plan = ['hang', 'lose'];
    await desk.alerts.book.open(incident());
    await desk.after(0);
    expect(await desk.alerts.store.unsettled()).toMatchObject([{ error: 'no answer in time' }]);
    await desk.after(600_000);
    expect(await desk.after(600_000)).toBe(1);
    expect(new Set(bodies().map(({ key }) => key)).size).toBe(1);
    expect(receiver.received.map(({ status }) => status)).toEqual([0, 200, 200]);
    await desk.alerts.close();
  });

  test('a sink that is away gets one attempt at a time, and keeps no other sink from its messages', async () => {
    const other = await startReceiver();
    try {
      const desk = await openDesk({
        sinks: { away: { kind: 'webhook', url: receiver.url }, there: { kind: 'webhook', url: other.url } },
      });
      receiver.otherwise = 503;
      for (let i = 0; i < 20; i += 1) await desk.alerts.book.open(incident({ fingerprint: `fraud/conceptDrift/${i}` }));
      await desk.after(0);
      expect([receiver.received.length, other.received.length]).toEqual([1, 20]);
      await desk.after(500);
      expect(receiver.received.length).toBe(1);
      await desk.alerts.close();
    } finally {
      await other.close();
    }
  });

  test('a missing secret is a failed message that says so, not a monitor that ends', async () => {
    delete process.env['HEADRACE_TEST_NONE'];
    const desk = await openDesk({ sinks: { chat: { kind: 'slack', url: { env: 'HEADRACE_TEST_NONE' } } } });
    await desk.alerts.book.open(incident());
    expect(await desk.after(0)).toBe(0);
    expect((await desk.alerts.store.unsettled())[0].error).toContain('HEADRACE_TEST_NONE');
    await desk.alerts.close();
  });
});

describe('routes, silences, digests and limits', () => {
  test('an incident goes to the sinks of every route that matches its tier, model, slice and owner', async () => {
    const to = (...sinks: string[]) => ({ to: sinks });
    const sinks = Object.fromEntries(
      ['a', 'b', 'c'].map((name) => [name, { kind: 'webhook' as const, url: `${receiver.url}/${name}` }]),
    );
    const desk = await openDesk({
      sinks,
      routes: [
        { tiers: [0, 4], ...to('a') },
        { models: ['fraud'], slices: ['country'], ...to('b') },
        { owners: ['ads-team'], severities: ['ticket'], ...to('c', 'a') },
      ],
    });
    const sent = async (changes: Parameters<typeof incident>[0]) => {
      receiver.received.length = 0;
      await desk.alerts.book.open(incident({ fingerprint: JSON.stringify(changes), ...changes }));
      await desk.after(0);
      return receiver.received.map(({ path }) => path).toSorted(compareText);
    };
    expect(await sent({ tier: 0 })).toEqual(['/a']);
    expect(await sent({ tier: 3 })).toEqual([]);
    expect(await sent({ tier: 4, slice: 'country=DE' })).toEqual(['/a', '/b']);
    expect(await sent({ tier: 4, slice: 'country=DE', model: 'ads' })).toEqual(['/a']);
    expect(await sent({ owner: 'ads-team', severity: 'ticket', tier: null })).toEqual(['/a', '/c']);
    await desk.alerts.close();
  });

  test('a silence keeps its incidents quiet; those that are still open at its end are sent, the others are not', async () => {
    const desk = await openDesk(webhook());
    const { store, book } = desk.alerts;
    const none = { kind: null, slice: null, fingerprint: null };
    await store.silence({
      ...none,
      model: 'fraud',
      from: desk.now,
      until: desk.now + 3_600_000,
      by: 'ada',
      reason: 'deploy',
    });
    await book.open(incident());
    await book.open(incident({ kind: 'dataDrift', severity: 'ticket' }));
    await book.open(incident({ model: 'ads' }));
    await desk.after(0);
    expect(bodies().map(({ incidents }) => incidents[0].fingerprint)).toEqual(['ads/conceptDrift/']);
    await book.resolve(incident({ kind: 'dataDrift' }).fingerprint, { at: desk.now, reason: 'gone' });
    await desk.after(120_000);
    expect(bodies().length).toBe(1);
    await desk.after(3_600_000);
    expect(bodies().map(({ incidents }) => incidents[0].fingerprint)).toEqual([
      'ads/conceptDrift/',
      'fraud/conceptDrift/',
    ]);
    expect(await store.unsettled()).toEqual([]);
    await desk.alerts.close();
  });

  test('a silence that is ended early lets its incidents through within a minute', async () => {
    const desk = await openDesk(webhook());
    const { store, book } = desk.alerts;
    const { id } = await store.silence({
      model: null,
      kind: 'conceptDrift',
      slice: null,
      fingerprint: null,
      from: desk.now,
      until: desk.now + 86_400_000,
      by: 'ada',
      reason: 'deploy',
    });
    await book.open(incident());
    await desk.after(0);
    expect(await store.endSilence(id, desk.now)).toBe(true);
    expect(await store.endSilence(id, desk.now)).toBe(false);
    expect(await desk.after(60_000)).toBe(1);
    await desk.alerts.close();
  });

  test('a digest has all incidents of its period in one message; one that becomes urgent does not wait for it', async () => {
    const { sinks } = { ...webhook() };
    const desk = await openDesk({
      sinks,
      routes: [
        { severities: ['digest'], to: ['hook'], digest: '1d' },
        { severities: ['page'], to: ['hook'] },
      ],
    });
    for (let i = 0; i < 5; i += 1)
      await desk.alerts.book.open(incident({ fingerprint: `fraud/dataDrift/${i}`, severity: 'digest', tier: 1 }));
    await desk.after(3_600_000);
    expect(bodies()).toEqual([]);
    await desk.alerts.book.update('fraud/dataDrift/3', { at: desk.now, evidence: {}, severity: 'page' });
    await desk.after(0);
    expect(bodies().map(({ action, incidents }) => [action, incidents.length])).toEqual([['opened', 1]]);
    await desk.after(23 * 3_600_000);
    expect(bodies().map(({ action, incidents }) => [action, incidents.length])).toEqual([
      ['opened', 1],
      ['digest', 4],
    ]);
    await desk.after(86_400_000);
    expect(bodies().length).toBe(2);
    await desk.alerts.close();
  });

  test('beyond the limit of its rate a sink that takes digests gets one, and another waits', async () => {
    const hook = { kind: 'webhook' as const, url: receiver.url, rate: { messages: 3, per: '1h' } };
    const files = {
      kind: 'pagerduty' as const,
      url: `${receiver.url}/pager`,
      routingKey: { env: 'HEADRACE_TEST_HOOK' },
      rate: { messages: 3, per: '1h' },
    };
    process.env['HEADRACE_TEST_HOOK'] = 'routing-key-of-test';
    const desk = await openDesk({ sinks: { hook, pager: files } });
    for (let i = 0; i < 3; i += 1) await desk.alerts.book.open(incident({ fingerprint: `fraud/conceptDrift/${i}` }));
    await desk.after(0);
    for (let i = 3; i < 13; i += 1) await desk.alerts.book.open(incident({ fingerprint: `fraud/conceptDrift/${i}` }));
    await desk.after(60_000);
    const at = (path: string) =>
      receiver.received.filter((one) => one.path.startsWith(path) === (path === '/pager')).length;
    const [hooks, pages] = [() => receiver.received.filter(({ path }) => path === '/').length, () => at('/pager')];
    expect([hooks(), pages()]).toEqual([3, 3]);
    await desk.after(3_600_000);
    // Ten in one message, and three of ten.
    expect([hooks(), pages()]).toEqual([4, 6]);
    await desk.drain();
    expect(pages()).toBe(13);
    await desk.alerts.close();
  });
});

type Step =
  | { readonly kind: 'open' | 'resolve' | 'ack'; readonly cause: number; readonly summary: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'answers'; readonly plan: readonly (200 | 500 | 503 | 'lose')[] }
  | { readonly kind: 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('open', 'resolve', 'ack'), cause: fc.nat(2), summary: fc.nat(3) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(0, 1_000, 60_000, 3_600_000) }),
  fc.record({
    kind: fc.constant('answers' as const),
    plan: fc.array(fc.constantFrom(200 as const, 500 as const, 503 as const, 'lose' as const), { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant('restart' as const) }),
);

test('whatever happens, a receiver that drops repeated keys sees every incident opened once and resolved once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      receiver.received.length = 0;
      receiver.plan = [];
      let desk: Desk = await openDesk(webhook({ rate: { messages: 10_000, per: '1h' } }));
      const opened = new Map<string, number>();
      for (const one of steps) await run(one);
      receiver.plan = [];
      await desk.drain();
      expect(await desk.alerts.store.unsettled()).toEqual([]);
      const seen = new Map<string, Body>();
      for (const body of accepted()) if (!seen.has(body.key)) seen.set(body.key, body);
      const byIncident = Map.groupBy(seen.values(), ({ incidents }) => incidents[0].id);
      const all = await desk.alerts.store.newest(1_000);
      expect(byIncident.size).toBe(all.length);
      for (const [, messages] of byIncident) {
        const order = messages.map(({ action }) => action);
        expect(order[0]).toBe('opened');
        expect(order.filter((action) => action === 'opened').length).toBe(1);
        const no = all.find(({ fingerprint, no: each }) =>
          messages[0].incidents[0].id.endsWith(`${fingerprint}/${each}`),
        );
        expect(order.filter((action) => action === 'resolved').length).toBe(no?.state === 'resolved' ? 1 : 0);
        if (no?.state === 'resolved') expect(order.at(-1)).toBe('resolved');
      }
      await desk.alerts.close();

      async function run(one: Step): Promise<void> {
        switch (one.kind) {
          case 'open': {
            const fingerprint = `fraud/conceptDrift/${one.cause}`;
            opened.set(fingerprint, (opened.get(fingerprint) ?? 0) + 1);
            await desk.alerts.book.open(incident({ fingerprint, summary: `s${one.summary}`, at: desk.now }));
            return;
          }
          case 'resolve':
            await desk.alerts.book.resolve(`fraud/conceptDrift/${one.cause}`, { at: desk.now, reason: 'gone' });
            return;
          case 'ack':
            await desk.alerts.book.acknowledge(`fraud/conceptDrift/${one.cause}`, 'ada');
            return;
          case 'wait':
            await desk.after(one.ms);
            return;
          case 'answers':
            receiver.plan = [...one.plan];
            return;
          case 'restart':
            desk = await desk.again();
            return;
          default:
            one satisfies never;
        }
      }
    }),
    { numRuns: Number(process.env['HEADRACE_ALERT_RUNS'] ?? 60) },
  );
});
