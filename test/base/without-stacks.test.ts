import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fail } from '../../src/base/errors/fail.ts';
import { withoutStacks } from '../../src/base/errors/without-stacks.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { project } from '../server/shop.ts';

const frames = (error: Error) => (error.stack ?? '').split('\n').filter((line) => /^ +at /.test(line)).length;

test('errors of work without stacks have none, and others have theirs again, also after a failure', () => {
  const make = () => fail('SERVER_BODY', { reason: 'x' });
  expect(frames(withoutStacks(make))).toBe(0);
  expect(frames(withoutStacks(() => withoutStacks(make)))).toBe(0);
  expect(() =>
    withoutStacks(() => {
      throw make();
    }),
  ).toThrow(expect.objectContaining({ code: 'SERVER_BODY', message: make().message }));
  expect(frames(make())).toBeGreaterThan(0);
});

test('no refused event of a call has a stack, whatever is wrong with it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-stacks-'));
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
  onTestFinished(async () => {
    await headrace.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const event = { id: 'a', at: Date.now(), user: 'u', price: '1', number: 1 };
  const wrong = [
    0,
    'x',
    null,
    [],
    {},
    { ...event, at: 2 ** 53 },
    { ...event, at: 1 },
    { ...event, more: 1 },
    { ...event, user: 7 },
  ];
  for (const source of project.sources) {
    const { refused } = await headrace.ingest(source, [...wrong, ...wrong]);
    expect(refused.length).toBeGreaterThanOrEqual(2 * (wrong.length - 1));
    for (const { error } of refused) expect(frames(error), error.message).toBe(0);
  }
});
