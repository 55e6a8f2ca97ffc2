import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { incident, openDesk, START } from './desk.ts';
import { type Receiver, startReceiver } from './receiver.ts';

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

type Options = Parameters<typeof openDesk>[0];
const one = (sink: object) => ({ sinks: { sink } }) as Options;
const sent = () => receiver.received.map(({ body }) => JSON.parse(body) as unknown);

/** A text that every format reads as its own. */
const HOSTILE = 'a <b> & *c* `d` _e_ | @here "f" \\ [g](h) é 🙂';

/** Opens, changes, acknowledges and resolves one incident, with a delivery after each. */
async function wholeLife(options: Options, summary = 'the realised brier rose') {
  const desk = await openDesk(options);
  await desk.alerts.book.open(incident({ summary }));
  await desk.after(0);
  await desk.alerts.book.update(incident().fingerprint, {
    at: START + 1,
    evidence: { after: 0.4 },
    severity: 'ticket',
  });
  await desk.after(1);
  await desk.alerts.book.acknowledge(incident().fingerprint, 'ada');
  await desk.after(1);
  await desk.alerts.book.resolve(incident().fingerprint, { at: START + 60_000, reason: 'retrained' });
  await desk.after(60_000);
  expect(await desk.alerts.store.unsettled()).toEqual([]);
  return desk;
}

describe('Slack', () => {
  /** Block Kit, as api.slack.com/reference/block-kit/blocks publishes it: the blocks that are used, with their limits. */
  const text = z.strictObject({
    type: z.enum(['plain_text', 'mrkdwn']),
    text: z.string().min(1).max(3_000),
    emoji: z.boolean().optional(),
  });
  const block = z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('header'),
      text: text.extend({ type: z.literal('plain_text'), text: z.string().min(1).max(150) }),
    }),
    z.strictObject({ type: z.literal('section'), text }),
    z.strictObject({ type: z.literal('context'), elements: z.array(text).min(1).max(10) }),
  ]);
  const message = z.strictObject({
    text: z.string().min(1),
    blocks: z.array(block).min(1).max(50),
    unfurl_links: z.boolean(),
  });

  test('messages are blocks within their limits, and what users wrote is no control character', async () => {
    process.env['HEADRACE_TEST_SLACK'] = `${receiver.url}/services/T0/B0/secret-path`;
    const options = {
      ...one({ kind: 'slack', url: { env: 'HEADRACE_TEST_SLACK' } }),
      link: 'https://headrace.example',
    };
    const desk = await wholeLife(options, HOSTILE.repeat(50));
    expect(sent().length).toBe(4);
    for (const body of sent()) {
      const parsed = message.parse(body);
      expect(JSON.stringify(parsed.blocks.slice(1))).not.toContain('<b>');
      expect(JSON.stringify(body)).not.toContain('secret-path');
    }
    await desk.alerts.close();
  });

  test('a digest of a thousand incidents is one message within the limits', async () => {
    process.env['HEADRACE_TEST_SLACK'] = receiver.url;
    const desk = await openDesk({
      ...one({ kind: 'slack', url: { env: 'HEADRACE_TEST_SLACK' } }),
      routes: [{ to: ['sink'], digest: '1h' }],
    });
    for (let i = 0; i < 1_000; i += 1)
      await desk.alerts.book.open(incident({ fingerprint: `fraud/dataDrift/${i}`, summary: `${HOSTILE} ${i}` }));
    await desk.after(3_600_000);
    expect(sent().length).toBe(1);
    expect(message.parse(sent()[0]).blocks.length).toBeLessThanOrEqual(50);
    await desk.alerts.close();
  });
});

describe('PagerDuty', () => {
  /** Events API v2, as developer.pagerduty.com/docs/events-api-v2 publishes it. */
  const payload = z.strictObject({
    summary: z.string().min(1).max(1_024),
    source: z.string().min(1),
    severity: z.enum(['critical', 'error', 'warning', 'info']),
    timestamp: z.iso.datetime(),
    component: z.string(),
    group: z.string(),
    class: z.string(),
    custom_details: z.looseObject({}),
  });
  const common = {
    routing_key: z.string(),
    dedup_key: z.string().min(1).max(255),
    client: z.string().optional(),
    client_url: z.url().optional(),
  };
  const event = z.discriminatedUnion('event_action', [
    z.strictObject({ ...common, event_action: z.literal('trigger'), payload }),
    z.strictObject({ ...common, event_action: z.literal('acknowledge') }),
    z.strictObject({ ...common, event_action: z.literal('resolve') }),
  ]);

  test('one dedup key is triggered, acknowledged and resolved', async () => {
    process.env['HEADRACE_TEST_PAGER'] = 'r0ut1ngk3y';
    const desk = await wholeLife(
      one({ kind: 'pagerduty', url: `${receiver.url}/v2/enqueue`, routingKey: { env: 'HEADRACE_TEST_PAGER' } }),
      HOSTILE,
    );
    const events = sent().map((body) => event.parse(body));
    expect(events.map(({ event_action }) => event_action)).toEqual(['trigger', 'trigger', 'acknowledge', 'resolve']);
    expect(new Set(events.map(({ dedup_key }) => dedup_key)).size).toBe(1);
    expect(events[0].routing_key).toBe('r0ut1ngk3y');
    await desk.alerts.close();
  });

  test('a cause with a very long name has a dedup key of its own within the limit', async () => {
    process.env['HEADRACE_TEST_PAGER'] = 'r0ut1ngk3y';
    const desk = await openDesk(
      one({ kind: 'pagerduty', url: receiver.url, routingKey: { env: 'HEADRACE_TEST_PAGER' } }),
    );
    for (const end of ['a', 'b'])
      await desk.alerts.book.open(incident({ fingerprint: `fraud/qualityFault/${'x'.repeat(400)}${end}` }));
    await desk.after(0);
    expect(new Set(sent().map((body) => event.parse(body).dedup_key)).size).toBe(2);
    await desk.alerts.close();
  });
});

describe('Alertmanager', () => {
  /** `postableAlerts` of Alertmanager's API v2 (api/v2/openapi.yaml). */
  const labels = z.record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string());
  const alerts = z.array(
    z.strictObject({
      labels,
      annotations: labels,
      startsAt: z.iso.datetime(),
      endsAt: z.iso.datetime(),
      generatorURL: z.url().optional(),
    }),
  );

  test('an open incident is sent again and again with an end ahead, and a resolved one ends and is silent', async () => {
    const desk = await openDesk(one({ kind: 'alertmanager', url: `${receiver.url}/`, repeat: '30s' }));
    await desk.alerts.book.open(incident());
    await desk.after(0);
    for (let i = 0; i < 3; i += 1) await desk.after(30_000);
    const posted = () => sent().map((body) => alerts.parse(body));
    expect(receiver.received.every(({ path }) => path === '/api/v2/alerts')).toBe(true);
    expect(posted().length).toBe(4);
    for (const [i, [alert]] of posted().entries())
      expect(Date.parse(alert.endsAt) - (START + i * 30_000)).toBe(120_000);
    await desk.alerts.book.resolve(incident().fingerprint, { at: desk.now, reason: 'gone' });
    await desk.after(0);
    expect(
      posted()
        .at(-1)
        ?.map(({ endsAt }) => Date.parse(endsAt)),
    ).toEqual([desk.now]);
    await desk.after(600_000);
    expect(posted().length).toBe(5);
    expect(new Set(posted().map(([alert]) => JSON.stringify(alert.labels))).size).toBe(1);
    await desk.alerts.close();
  });

  test('an alert whose severity changed ends under its old labels', async () => {
    const desk = await openDesk(one({ kind: 'alertmanager', url: receiver.url }));
    await desk.alerts.book.open(incident());
    await desk.after(0);
    await desk.alerts.book.update(incident().fingerprint, { at: START + 1, evidence: {}, severity: 'ticket' });
    await desk.after(1_000);
    const last = alerts.parse(sent().at(-1));
    expect(last.map(({ labels: { severity }, endsAt }) => [severity, Date.parse(endsAt) > desk.now])).toEqual([
      ['ticket', true],
      ['page', false],
    ]);
    await desk.alerts.close();
  });

  test('a repetition that fails is repeated, and a sink that was away for a day continues', async () => {
    const desk = await openDesk(one({ kind: 'alertmanager', url: receiver.url }));
    await desk.alerts.book.open(incident());
    await desk.after(0);
    receiver.otherwise = 503;
    for (let i = 0; i < 24; i += 1) await desk.after(3_600_000);
    receiver.otherwise = 200;
    receiver.received.length = 0;
    await desk.after(3_600_000);
    await desk.after(60_000);
    expect(receiver.received.length).toBe(2);
    await desk.alerts.close();
  });
});

describe('mail', () => {
  interface Mail {
    readonly to: readonly string[];
    readonly text: string;
  }

  async function mailServer(answer: (mail: Mail) => Error | null) {
    const mails: Mail[] = [];
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onAuth: (auth, _session, done) =>
        auth.password === 'right-password'
          ? done(null, { user: auth.username ?? '' })
          : done(new Error('wrong password')),
      onData: (stream, session, done) => {
        const parts: Buffer[] = [];
        stream.on('data', (part: Buffer) => parts.push(part));
        stream.on('end', () => {
          const mail = {
            to: session.envelope.rcptTo.map(({ address }) => address),
            text: Buffer.concat(parts).toString(),
          };
          const refusal = answer(mail);
          if (refusal === null) mails.push(mail);
          done(refusal);
        });
      },
    });
    server.listen(0, '127.0.0.1');
    await once(server.server, 'listening');
    const { port } = server.server.address() as AddressInfo;
    return { mails, port, close: () => new Promise<void>((resolve) => server.close(() => resolve())) };
  }

  const options = (port: number, more: object = {}) =>
    one({
      kind: 'smtp',
      host: '127.0.0.1',
      port,
      security: 'none',
      from: 'headrace@example.org',
      to: ['team@example.org', 'lead@example.org'],
      ...more,
    });

  test('mails of one incident are one thread, each with the id of its message', async () => {
    const server = await mailServer(() => null);
    const desk = await wholeLife(options(server.port));
    expect(server.mails.length).toBe(4);
    const header = (name: string) =>
      server.mails.map(({ text }) =>
        new RegExp(`^${name}: (.*(?:\r?\n .*)*)`, 'im').exec(text)?.[1].replaceAll(/\s+/g, ''),
      );
    expect(new Set(header('message-id')).size).toBe(4);
    expect(new Set(header('references')).size).toBe(1);
    expect(server.mails[0]).toMatchObject({ to: ['team@example.org', 'lead@example.org'] });
    expect(server.mails[0].text).toContain('Auto-Submitted: auto-generated');
    await desk.alerts.close();
    await server.close();
  });

  test('a server that is busy is asked again, one that refuses is not, and a wrong password is no loss', async () => {
    const busy = Object.assign(new Error('try again'), { responseCode: 451 });
    let refusal: Error | null = busy;
    const server = await mailServer(() => refusal);
    const desk = await openDesk(options(server.port));
    await desk.alerts.book.open(incident());
    await desk.after(0);
    expect(await desk.alerts.store.unsettled()).toMatchObject([
      { state: 'waiting', error: 'the mail server answered 451' },
    ]);
    refusal = Object.assign(new Error('no'), { responseCode: 554 });
    await desk.after(10_000);
    expect(await desk.alerts.store.unsettled()).toMatchObject([
      { state: 'dead', error: 'the mail server answered 554' },
    ]);
    await desk.alerts.close();
    refusal = null;
    process.env['HEADRACE_TEST_MAIL'] = 'wrong-password';
    const login = await openDesk(options(server.port, { user: 'headrace', password: { env: 'HEADRACE_TEST_MAIL' } }));
    await login.alerts.book.open(incident());
    await login.after(0);
    expect(await login.alerts.store.unsettled()).toMatchObject([{ state: 'waiting' }]);
    expect((await login.alerts.store.unsettled())[0].error).not.toContain('wrong-password');
    process.env['HEADRACE_TEST_MAIL'] = 'right-password';
    expect(await login.after(10_000)).toBe(1);
    await login.alerts.close();
    await server.close();
  });

  test('a server without encryption is refused unless the options allow it', async () => {
    const server = await mailServer(() => null);
    const desk = await openDesk(options(server.port, { security: 'starttls' }));
    await desk.alerts.book.open(incident());
    expect(await desk.after(0)).toBe(0);
    expect(server.mails).toEqual([]);
    await desk.alerts.close();
    await server.close();
  });
});

test('issues are files of Markdown, replaced at each change, in which users call nobody', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-issues-'));
  const desk = await wholeLife(one({ kind: 'issues', directory }), HOSTILE);
  const files = readdirSync(directory);
  expect(files.length).toBe(1);
  const text = readFileSync(join(directory, files[0]), 'utf8');
  expect(text.split('\n')[0]).toContain('Resolved \\[ticket\\] fraud: a \\<b\\>');
  expect(text).not.toContain('@here');
  expect(text).toContain('| state | resolved |');
  await desk.alerts.close();
});
