import { describe, expect, test } from 'vitest';
import { declarationDocument } from '../../src/features/change/declaration-document.ts';
import { planChanges } from '../../src/features/change/plan-changes.ts';
import {
  count,
  defineProject,
  entity,
  featureService,
  float,
  int,
  lookup,
  model,
  nullable,
  streamView,
  text,
} from '../../src/features/define/declare.ts';
import { affectedVersions } from '../../src/registry/affected-versions.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { newVersion } from '../../src/testing/contracts/model-registry.ts';
import { MemoryArtifactStore } from '../memory/artifact-store.ts';
import { asked, came } from '../models/small-project.ts';

interface Declared {
  readonly window?: '1h' | '2h';
  readonly viewVersion?: number;
  readonly serviceVersion?: number;
  readonly drops?: boolean;
}

/** A project whose view and service are declared in several ways. */
function project({ window = '1h', viewVersion = 1, serviceVersion = 1, drops = false }: Declared) {
  const byName = streamView('by_name', {
    version: viewVersion,
    source: asked,
    entity: entity('name', { name: text() }),
    key: { name: 'name' },
    windows: [window],
    freshness: '1s',
    features: () => ({ asked: count() }),
  });
  const service = featureService('small', {
    version: serviceVersion,
    request: { name: text(), number: float(), gaps: nullable(float()), category: int() },
    join: (r) => ({ by: lookup(byName, { name: r.name }) }),
    compute: (r) => (drops ? { category: r.category } : { number: r.number, category: r.category }),
  });
  const small = model('small', {
    task: 'binary',
    service,
    spine: { from: asked, id: 'id' },
    label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
    train: { with: { kind: 'logisticRegression' } },
  });
  return defineProject('small', { asked, came, service, small });
}

async function breaksOf(after: Declared): Promise<readonly string[]> {
  const registry = openSqliteRegistry(':memory:');
  const made = newVersion('small');
  const signature = { ...made.signature, features: ['number', 'category'] };
  for (let version = 1; version <= 3; version += 1)
    await registry.register({ ...made, signature, lineage: { ...made.lineage, service: 'small@1' } });
  for (const [alias, to] of [
    ['champion', 2],
    ['previous', 1],
  ] as const)
    await registry.moveAlias('small', alias, { expected: null, to, at: 1 });
  const [before, next] = [project({}), project(after)];
  const { changes } = planChanges(declarationDocument(before), declarationDocument(next));
  const artifacts = new MemoryArtifactStore();
  const affected = await affectedVersions({ project: next, changes }, { registry, artifacts });
  return affected.map(({ version, aliases, reasons }) => `${version} ${aliases.join()}: ${reasons.join('; ')}`).sort();
}

/** Both served versions for one reason; the third has no alias. */
const both = (reason: string) => [`1 previous: ${reason}`, `2 champion: ${reason}`];

describe('the plan names the versions under an alias that a change breaks', () => {
  test('no change breaks nothing', async () => {
    expect(await breaksOf({})).toEqual([]);
  });

  test('an input that the service no longer returns', async () => {
    const [first] = await breaksOf({ drops: true });
    expect(first).toContain('1 previous: ');
    expect(first).toContain('service small@1 does not return its input number');
  });

  test('a service of another version', async () => {
    expect(await breaksOf({ serviceVersion: 2 })).toEqual(both('its service small@1 is declared no longer'));
  });

  test('a view of another version, which the service of the served version reads', async () => {
    const broken = await breaksOf({ viewVersion: 2, window: '2h' });
    expect(broken).toHaveLength(2);
    expect(broken[0]).toMatch(/service small@1 changes/);
  });
});
