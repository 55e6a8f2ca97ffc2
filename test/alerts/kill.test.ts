import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { childEnv } from '../child-env.ts';
import { openDesk } from './desk.ts';
import { startReceiver } from './receiver.ts';

/** More for a run by hand: `HEADRACE_ALERT_KILLS=200`. */
const KILLS = Number(process.env['HEADRACE_ALERT_KILLS'] ?? 4);

const program = fileURLToPath(new URL('./kill-program.ts', import.meta.url));

interface Body {
  readonly key: string;
  readonly action: string;
  readonly incidents: readonly { readonly fingerprint: string }[];
}

test(
  `a process killed ${KILLS} times while it sends: every incident arrives, and twice only under one key`,
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'headrace-alert-kills-'));
    const receiver = await startReceiver();
    const random = seededRandom(7);
    let opened = -1;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const child = spawn(
        process.execPath,
        ['--conditions=headrace-source', program, directory, receiver.url, String(opened + 1)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
          env: childEnv(),
        },
      );
      const lines = 1 + Math.floor(random() * 12);
      let seen = 0;
      // Some die while the receiver has their message and no answer has come.
      receiver.plan = kill % 2 === 0 ? [] : [...Array(lines).fill(200), 'hang'];
      createInterface(child.stdout).on('line', (line) => {
        opened = Number(line);
        seen += 1;
        if (seen > lines) child.kill('SIGKILL');
      });
      const end = once(child, 'exit');
      const before = receiver.received.length;
      const isHung = setInterval(() => {
        if (receiver.received.length > before && receiver.received.at(-1)?.status === 0) child.kill('SIGKILL');
      }, 5);
      const [, signal]: unknown[] = await end;
      expect(signal).toBe('SIGKILL');
      clearInterval(isHung);
    }
    receiver.plan = [];
    // Claims of the dead processes end by the clock.
    const desk = await openDesk(
      { sinks: { hook: { kind: 'webhook', url: receiver.url, rate: { messages: 10_000, per: '1h' } } } },
      directory,
      Date.now() + 3_600_000,
    );
    await desk.drain();
    const bodies = receiver.received.filter(({ status }) => status === 200).map(({ body }) => JSON.parse(body) as Body);
    const openings = new Map(
      bodies.filter(({ action }) => action === 'opened').map(({ key, incidents }) => [key, incidents[0].fingerprint]),
    );
    const causes = [...openings.values()];
    expect(new Set(causes).size).toBe(causes.length);
    for (let i = 0; i <= opened; i += 1) expect(causes).toContain(`fraud/conceptDrift/${i}`);
    for (const one of await desk.alerts.store.newest(100_000)) {
      const own = bodies.filter(({ incidents }) => incidents[0].fingerprint === one.fingerprint);
      expect(new Set(own.map(({ key }) => key)).size).toBe(one.state === 'resolved' ? 2 : 1);
    }
    await desk.alerts.close();
    await receiver.close();
  },
  120_000 + KILLS * 10_000,
);
