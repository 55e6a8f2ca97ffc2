import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { type Closing, closingWithin } from '../../src/base/closing.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { Site, type StoreName, withSite } from '../../src/site/site.ts';
import { watchedProject } from '../playbook/watched-project.ts';

const { project } = watchedProject({ mode: 'dryRun' });
const root = mkdtempSync(join(tmpdir(), 'headrace-site-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Stores of an embedded environment, and the names that their closing has. */
const CLOSED_AS = {
  log: 'the event log',
  online: 'the online store',
  offline: 'the history',
  registry: 'the model registry',
  playbooks: 'the playbooks',
  rollouts: 'the rollouts',
  alerts: 'the incidents',
  monitors: 'the state of the monitor',
  waitingIds: 'the ids that wait for labels',
  audit: 'the audit log',
} as const satisfies Partial<Record<StoreName, string>>;

type Kept = keyof typeof CLOSED_AS;
const NAMES = Object.keys(CLOSED_AS) as readonly Kept[];

/** Stores whose file can be spoiled. */
const SPOILED = ['registry', 'playbooks', 'rollouts', 'alerts'] as const satisfies readonly Kept[];

let made = 0;
function newSite(): Site {
  made += 1;
  const site = new Site({ project, environment: environmentIn(join(root, String(made))) });
  site.makeDirectory();
  return site;
}

function environmentIn(directory: string) {
  return resolveEnvironment('local', { directory }, project.name);
}

/** Closes as its own does, and notes the order. */
function noting(ended: string[]): Closing {
  const closing = closingWithin(Number.POSITIVE_INFINITY);
  return {
    work: closing.work,
    end: (name, step) => {
      ended.push(name);
      return closing.end(name, step);
    },
    get failure() {
      return closing.failure;
    },
    late: closing.late,
  };
}

const order = fc.shuffledSubarray([...NAMES], { minLength: 1 });

test('each store is opened at its first call, once, and all are closed in the reverse order, also where some fail', async () => {
  await fc.assert(
    fc.asyncProperty(order, fc.subarray([...NAMES]), async (names, failing) => {
      const site = newSite();
      for (const name of names) {
        const [one, other] = await Promise.all([site[name](), site[name]()]);
        expect(one).toBe(other);
      }
      const stores = await site.open(...names);
      const fail = names.filter((name) => failing.includes(name));
      for (const name of fail) {
        const store = stores[name] as { close: () => unknown };
        const { close } = store;
        store.close = async () => {
          await close();
          throw new Error(name);
        };
      }
      const ended: string[] = [];
      const closing = noting(ended);
      await site.close(closing);
      expect(ended).toEqual(names.toReversed().map((name) => CLOSED_AS[name]));
      expect(closing.failure?.message).toBe(fail.at(-1));
      await expect(site.registry()).rejects.toThrow('asked for after the end');
    }),
    { numRuns: 12 },
  );
});

test('where a store cannot be opened those before it are closed, its error is the one, and a later call tries again', async () => {
  await fc.assert(
    fc.asyncProperty(order, fc.constantFrom(...SPOILED), async (names, spoiled) => {
      const before = names.filter((name) => name !== spoiled);
      const { environment } = newSite();
      const file = join(environment.directory, `${spoiled}.sqlite`);
      writeFileSync(file, 'no database, but a text that is longer than the header of one: '.repeat(4));
      const opening = withSite({ project, environment }, async (site) => {
        const failed = await site.open(...before, spoiled).catch((error: unknown) => error);
        expect(failed).toMatchObject({ code: expect.stringMatching(/^(REGISTRY|PLAYBOOK|ROLLOUT|ALERT)_/) });
        await expect(site[spoiled]()).rejects.toMatchObject({ code: (failed as { code: string }).code });
        throw failed;
      });
      await expect(opening).rejects.toMatchObject({ code: expect.stringMatching(/_(FILE|FORMAT|WRITE)$/) });
      rmSync(file);
      // Everything that one process alone may have is free again.
      await withSite({ project, environment }, (site) => site.open(...NAMES));
    }),
    { numRuns: 8 },
  );
});

test('stores that are asked for at the same time, while the site is closed, are closed too', async () => {
  await fc.assert(
    fc.asyncProperty(order, async (names) => {
      const site = newSite();
      const opening = Promise.allSettled(names.map((name) => site[name]()));
      const ended: string[] = [];
      await Promise.all([site.close(noting(ended)), opening]);
      expect(ended.filter((name) => name !== 'what is being opened')).toHaveLength(names.length);
      expect(ended).toEqual(expect.arrayContaining(names.map((name) => CLOSED_AS[name])));
      await withSite({ project, environment: site.environment }, (again) => again.open(...names));
    }),
    { numRuns: 6 },
  );
});

test('the failure of the work is reported, not that of the closing after it; without one the closing is', async () => {
  const work = (error: Error | null) => async (site: Site) => {
    const store = await site.waitingIds();
    store.close = () => {
      throw new Error('closing');
    };
    if (error !== null) throw error;
  };
  const { environment } = newSite();
  await expect(withSite({ project, environment }, work(new Error('work')))).rejects.toThrow('work');
  await expect(withSite({ project, environment }, work(null))).rejects.toThrow('closing');
});
