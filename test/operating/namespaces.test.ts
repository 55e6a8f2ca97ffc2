import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { storeKeys } from '../../src/backends/redis/store-keys.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { ENVIRONMENT_FILE, environmentId } from '../../src/environment/environment-id.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { tileLayout } from '../../src/features/tile/tile-layout.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { backUpEnvironment } from '../../src/site/back-up.ts';
import { contractView } from '../../src/testing/contracts/contract-tiles.ts';
import { purchases, service, project as shop } from '../loop/shop.ts';

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-namespaces-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Another project with the same parts. */
const site = defineProject('site', { service });

const NOW = Date.UTC(2026, 0, 1);

const purchase = (id: string, cents: number) => ({ purchase: id, at: NOW - 1_000, user: 'ann', item: 'x', cents });

test('projects in one directory under namespaces never see one another, and each is backed up alone', async () => {
  const directory = newDirectory();
  const open = (project: typeof shop, namespace?: string) =>
    openHeadrace({
      project,
      environment: { directory, partitions: 1, ...(namespace === undefined ? {} : { namespace }) },
      clock: () => NOW,
    });
  const all = [await open(shop), await open(shop, 'log'), await open(site, 'log_'), await open(site, 'log-1')];
  for (const [i, headrace] of all.entries())
    for (let n = 0; n <= i; n += 1) await headrace.ingest(purchases, [purchase(`p${n}`, 100 * i)]);
  for (const [i, headrace] of all.entries()) {
    await headrace.flush();
    expect((await headrace.vector(service, { user: 'ann' })).features).toMatchObject({
      own_n_1h: i + 1,
      own_spent_1h: 100 * i * (i + 1),
    });
  }
  expect(all.map((headrace) => headrace.status().namespace)).toEqual(['shop', 'log', 'log_', 'log-1']);
  for (const headrace of all) await headrace.close();
  const environment = resolveEnvironment('local', { directory, namespace: 'log_' }, 'site');
  const { project, files } = await backUpEnvironment(environment, join(directory, 'backup'), 0);
  expect(project).toBe('site');
  expect(files.filter(({ path }) => path.includes('namespaces'))).toEqual([]);
  expect(readdirSync(join(directory, 'namespaces')).sort()).toEqual(['log', 'log-1', 'log_']);
});

test('a second project where another is already is refused, and changes nothing', async () => {
  const directory = newDirectory();
  await (await openHeadrace({ project: shop, environment: { directory } })).close();
  await expect(openHeadrace({ project: site, environment: { directory } })).rejects.toMatchObject({
    code: 'DECLARATION_PROJECT',
  });
  expect(existsSync(join(directory, 'namespaces'))).toBe(false);
  await (await openHeadrace({ project: shop, environment: { directory } })).close();
});

test('a namespace that is no plain name is refused', () => {
  for (const namespace of ['', '.', '..', 'a/b', 'a:t', 'a{b}', 'Shop', '1a', 'é', 'a b', '-a', 'a'.repeat(64)])
    expect(() => resolveEnvironment('local', { namespace }, 'shop'), namespace).toThrow(
      expect.objectContaining({ code: 'CONFIG_OPTION' }),
    );
});

test('an environment keeps its identity, and one that cannot be read is refused, not made again', () => {
  const directory = newDirectory();
  const id = environmentId(directory);
  expect(environmentId(directory)).toBe(id);
  expect(environmentId(newDirectory())).not.toBe(id);
  for (const text of ['', '{}', '{"format":2,"id":"x"}']) {
    writeFileSync(join(directory, ENVIRONMENT_FILE), text);
    expect(() => environmentId(directory)).toThrow(expect.objectContaining({ code: 'ENVIRONMENT_FILE' }));
  }
});

/** Begin and end with what separates the parts of a key elsewhere. */
const anyNamespace = fc.stringMatching(/^[a-z][a-z0-9_-]{0,3}$/);
const anyKey = fc.oneof(
  fc.string({ unit: fc.constantFrom(':', '{', '}', 't', 'b', 'a', '=', '*') }),
  fc.constantFrom('x'.repeat(1_201), '', ':t:', '}:{'),
);
const anyView = fc.constantFrom('t@1.00ff00ff', 'b@1', 'by_user@2.1f3a5c7e', 'by_user@21');

const text = { type: 'text', nullable: false } as const;
const tasteView = contractView('by_taste');
const tasteLayout = tileLayout({
  ...tasteView,
  entity: { ...tasteView.entity, name: 'taste', key: { user: text, category: text } },
});

test('no two namespaces have a key of a shared store in common, and what finds the keys of one finds no other', () => {
  fc.assert(
    fc.property(
      anyNamespace,
      anyNamespace,
      fc.array(fc.tuple(anyView, anyKey), { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(anyView, anyKey), { minLength: 1, maxLength: 6 }),
      (one, other, ofOne, ofOther) => {
        fc.pre(one !== other);
        const keys = new Set(keysOf(one, ofOne));
        const others = keysOf(other, ofOther);
        expect(others.filter((key) => keys.has(key))).toEqual([]);
        const { records, everything, anchors, formerKeys } = storeKeys(one);
        for (const pattern of [records(), everything(), anchors(), formerKeys()])
          expect(others.filter((key) => matches(pattern, key))).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
});

function keysOf(namespace: string, entries: readonly (readonly [string, string])[]): readonly string[] {
  const { of, record, recordOf, anchor, formerAnchor, lock, owner, hot } = storeKeys(namespace, ['taste']);
  const own = entries.flatMap(([view, key]) => {
    const layout = { ...tasteLayout, viewId: view };
    const places = [...record(key), ...of(layout, `${key.length}:${key}part`).record];
    for (const [{ key: found }, more] of [record(key)]) expect(recordOf(found)[1]).toEqual(more);
    return places;
  });
  return [...own, anchor('0'), anchor('t'), formerAnchor('0'), lock, owner, hot].map(({ key }) => key);
}

test('a nested key is in the record of its first part, and the keys of a part have distinct names there', () => {
  const keys = storeKeys('shop', ['taste']);
  fc.assert(
    fc.property(anyKey, anyKey, anyKey, (user, one, other) => {
      const place = (part: string) => keys.of(tasteLayout, `${user.length}:${user}${part}`);
      expect(place(one).record).toEqual(keys.record(user));
      expect(place(one).id === place(other).id).toBe(one === other);
      const apart = storeKeys('shop').of(tasteLayout, `${user.length}:${user}${one}`);
      expect(apart.record).toEqual(keys.record(`${user.length}:${user}${one}`));
    }),
  );
});

/** As Redis matches the patterns that the store uses. */
function matches(pattern: string, key: string): boolean {
  const text = pattern.replaceAll(/[.{}()+?^$|\\]/g, '\\$&').replaceAll('*', '[^]*');
  return new RegExp(`^${text}$`).test(key);
}
