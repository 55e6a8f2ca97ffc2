import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { logPart } from '../../src/featurestore/ingest/log-part.ts';
import { openPart } from '../../src/observe/part-kind.ts';

const SERVER = fileURLToPath(new URL('./serving-process.ts', import.meta.url));

test('a server whose disk is full reads vectors, and says that it takes no events', {
  timeout: 120_000,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-full-'));
  // No file may be longer than this many kB: as on a disk that is full, an append fails.
  const limited = `ulimit -f 600; trap '' XFSZ; exec "$0" --conditions=headrace-source "$1" "$2"`;
  const child = spawn('bash', ['-c', limited, process.execPath, SERVER, directory], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const [line] = await once(child.stdout, 'data');
    const url = String(line).trim();
    const post = async (path: string, body: unknown) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      return { status: answer.status, text: await answer.text() };
    };
    const ready = async () => {
      const answer = await fetch(`${url}/readyz`);
      return (await answer.json()) as { readonly degraded: readonly string[] };
    };
    expect((await ready()).degraded.filter((reason) => reason.includes('events'))).toEqual([]);
    let answer = { status: 200, text: '' };
    for (let batch = 0; answer.status === 200; batch += 1) {
      const events = Array.from({ length: 1_000 }, (_, i) => ({
        id: `e-${batch}-${i}`,
        at: Date.now(),
        user: 'ann',
        price: 1,
        number: i,
      }));
      answer = await post('/v1/events/purchases', events);
    }
    expect(answer).toMatchObject({ status: 503, text: expect.stringContaining('LOG_WRITE') });
    expect((await ready()).degraded).toContainEqual(expect.stringContaining('the last events were not taken'));
    // A call that appends nothing does not say that the log takes events again.
    expect((await post('/v1/events/purchases', [{ id: 'no event' }])).status).toBe(400);
    expect((await ready()).degraded).toContainEqual(expect.stringContaining('the last events were not taken'));
    const status = await fetch(`${url}/v1/status`);
    expect(await status.json()).toMatchObject({
      degraded: expect.arrayContaining([expect.stringContaining('the last events were not taken')]),
    });
    const read = await post('/v1/features/shopper', { request: { user: 'ann', price: 1 } });
    expect(read).toMatchObject({ status: 200 });
    expect(read.text).not.toContain('"spend_purchases_7d":0');
  } finally {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
});

test('little space on the disk is said before the first events are refused', () => {
  const healthAt = (free: number | null) => openPart(logPart, { untaken: () => null, freeBytes: () => free }).health(0);
  expect(healthAt(0)).toEqual([expect.stringContaining('0 bytes')]);
  expect(healthAt(2 ** 20)).toHaveLength(1);
  expect(healthAt(2 ** 30)).toEqual([]);
  expect(healthAt(null)).toEqual([]);
});
