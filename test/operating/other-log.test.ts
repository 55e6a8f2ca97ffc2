import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openHeadrace } from '../../src/running/headrace.ts';
import { purchases, project as shop } from '../loop/shop.ts';

test('a directory whose events are in its own log takes no other; one without events does', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-other-log-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const now = Date.UTC(2026, 0, 1);
  const embedded = () => openHeadrace({ project: shop, environment: { directory }, clock: () => now });
  // Nobody listens there: who gets so far is not refused.
  const onKafka = () =>
    openHeadrace({ project: shop, environment: { directory, log: { kind: 'kafka', brokers: ['127.0.0.1:1'] } } });
  await (await embedded()).close();
  await expect(onKafka()).rejects.toMatchObject({ code: 'LOG_UNREACHABLE' });
  const headrace = await embedded();
  await headrace.ingest(purchases, [{ purchase: 'p1', at: now - 1_000, user: 'ann', item: 'x', cents: 100 }]);
  await headrace.close();
  await expect(onKafka()).rejects.toMatchObject({ code: 'LOG_ELSEWHERE', exit: 2 });
  await (await embedded()).close();
});
