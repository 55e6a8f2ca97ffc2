import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { defineProject, eventSource, text, time } from '../../src/features/define/declare.ts';
import { openHeadrace } from '../../src/running/headrace.ts';

const columns = { id: text(), at: time() };
const visits = eventSource('visits', { id: 'id', time: 'at', columns });
const early = defineProject('site', { visits });
const late = defineProject('site', { visits, clicks: eventSource('clicks', { id: 'id', time: 'at', columns }) });

test('a writer that comes second leaves the declaration of the first in place', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-second-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const declaration = () => readFileSync(join(directory, 'declaration.json'), 'utf8');
  const first = await openHeadrace({ project: early, environment: { directory } });
  const placed = declaration();
  await expect(openHeadrace({ project: late, environment: { directory } })).rejects.toMatchObject({
    code: 'LOG_LOCKED',
  });
  expect(declaration()).toBe(placed);
  await first.close();
  await (await openHeadrace({ project: late, environment: { directory } })).close();
  expect(declaration()).not.toBe(placed);
});
