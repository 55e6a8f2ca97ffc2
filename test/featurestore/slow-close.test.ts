import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { resolveEnvironment } from '../../src/environment/config.ts';
import type { Part } from '../../src/ports/part.ts';
import { closeProject } from '../../src/running/close-project.ts';
import { openProject } from '../../src/running/open-project.ts';
import { flushParts, type OpenProject } from '../../src/running/opened-project.ts';
import { project, purchases } from '../server/shop.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A deadline that is over before the first step has ended. */
const withinMs = 1;
const never = () => new Promise<never>(() => undefined);

/** Ways in which everything of one kind never ends, by the names that the report then has. */
const hangs: Readonly<
  Record<string, (open: OpenProject) => { readonly open: OpenProject; readonly names: readonly string[] }>
> = {
  'the flush of every part': (open) => hungParts(open, (part) => ({ ...part, flush: never })),
  'the close of every part': (open) => hungParts(open, (part) => ({ ...part, close: never })),
  'the close of every store': (open) => {
    const { log, online, offline } = open.stores;
    for (const store of [log, online, offline]) hang(store);
    return { open, names: ['the history', 'the online store', 'the event log'] };
  },
};

function hungParts(open: OpenProject, hang: (part: Part) => Part) {
  return { open: { ...open, parts: open.parts.map(hang) }, names: open.parts.map(({ name }) => name) };
}

/** Ends for good what hangs. */
const ends: (() => unknown)[] = [];

/** From now on the close of a store never ends. */
function hang(store: { close: () => unknown }): void {
  ends.push(store.close);
  store.close = never;
}

async function opened(faults: unknown[]): Promise<OpenProject> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-slow-close-'));
  folders.push(directory);
  const environment = resolveEnvironment('local', { directory }, project.name);
  const open = await openProject({ project, environment, clock: Date.now, onFault: (error) => faults.push(error) });
  const events = Array.from({ length: 20 }, (_, i) => ({
    id: `e${i}`,
    at: Date.now(),
    user: 'u',
    price: 1,
    number: i,
  }));
  await open.features.ingest(purchases, events);
  return open;
}

test.each(Object.keys(hangs))(
  'if %s never ends after everything is written, closing reports it and succeeds',
  async (what) => {
    const faults: unknown[] = [];
    const open = await opened(faults);
    await flushParts(open.parts);
    const { open: slow, names } = hangs[what]?.(open) ?? { open, names: [] };
    await closeProject(slow, { withinMs });
    expect(faults).toMatchObject([{ code: 'CLOSE_LATE' }]);
    for (const name of names) expect(String(faults[0])).toContain(name);
    for (const end of ends.splice(0)) await end();
  },
);

test('if neither flush nor close of any part ends, closing names the events that are not written', async () => {
  const open = await opened([]);
  const { open: slow } = hungParts(open, (part) => ({ ...part, flush: never, close: never }));
  await expect(closeProject(slow, { withinMs })).rejects.toMatchObject({
    code: 'CLOSE_UNFINISHED',
    message: expect.stringContaining('20 events of purchases'),
  });
});
