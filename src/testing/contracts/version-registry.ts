import type { ModelRegistry, NewVersionRecord } from '../../ports/model-registry.ts';
import type { Webhook, WebhookEvent } from '../../ports/webhook-store.ts';
import { type Contract, mustEqual, mustFail } from './contract.ts';
import type { RegistrySubject } from './model-registry.ts';

const content = (digit: string): string => digit.repeat(64);

/** A version as a client of MLflow registers it. */
function foreignVersion(model: string, changes: Partial<NewVersionRecord> = {}): NewVersionRecord {
  return {
    model,
    source: 'mlflow-artifacts:/1/r/artifacts/model',
    run: '',
    runLink: '',
    loggedModel: '',
    user: 'bob',
    description: '',
    tags: [],
    files: [{ path: 'model.pkl', digest: content('a'), sizeBytes: 3 }],
    digest: content('d'),
    at: 1_000,
    ...changes,
  };
}

/** An active webhook that asked for one kind of change. */
export function webhookFor(id: string, event: WebhookEvent): Webhook {
  const times = { createdAt: 1, updatedAt: 1 };
  return {
    id,
    name: id,
    description: '',
    url: 'http://127.0.0.1/',
    events: [event],
    isActive: true,
    secret: '',
    ...times,
  };
}

async function withVersions(subject: RegistrySubject, count: number): Promise<ModelRegistry> {
  const registry = await subject.open();
  await registry.createModel({ name: 'm', description: '', tags: [], at: 1 });
  if (count > 0) await registry.nameFile({ path: 'm/model.pkl', digest: content('a'), sizeBytes: 3 }, 1);
  for (let i = 0; i < count; i += 1) await registry.createVersion(foreignVersion('m'));
  return registry;
}

/** Rules of versions of any origin, gates, artefact names and webhooks. */
export const versionContracts: readonly Contract<RegistrySubject>[] = [
  {
    rule: 16,
    name: 'a model with an alias is neither renamed nor deleted, and how its version scores does not change',
    needs: [],
    run: async (subject) => {
      const registry = await withVersions(subject, 2);
      const features = { key: 'headrace.features', value: 'a' };
      await registry.tagVersion('m', 1, features, 2);
      await registry.moveAlias('m', 'champion', { expected: null, to: 1, at: 2 });
      await mustFail('REGISTRY_SEALED', () => registry.renameModel('m', 'n', 3), 'another model would answer');
      await mustFail('REGISTRY_SEALED', () => registry.deleteModel('m'), 'an alias points at it');
      await mustFail('REGISTRY_SEALED', () => registry.tagVersion('m', 1, { ...features, value: 'b' }, 3), 'a tag');
      await mustFail('REGISTRY_SEALED', () => registry.untagVersion('m', 1, features.key, 3), 'no tag');
      await registry.tagVersion('m', 1, { key: 'team', value: 'a' }, 3);
      await registry.tagVersion('m', 2, features, 3);
      mustEqual(
        (await registry.versionRecord('m', 1))?.tags.find(({ key }) => key === features.key),
        features,
        'the tag',
      );
      await registry.moveAlias('m', 'champion', { expected: 1, to: null, at: 4 });
      await registry.tagVersion('m', 1, { ...features, value: 'b' }, 5);
      await registry.hold({ holder: 'rollout/1', model: 'm', version: 1 });
      await mustFail('REGISTRY_SEALED', () => registry.tagVersion('m', 1, features, 6), 'a rollout scores with it');
      await mustFail('REGISTRY_SEALED', () => registry.renameModel('m', 'n', 6), 'a hold is by name');
      await registry.release('rollout/1');
      await registry.setGate({ model: 'm', alias: 'champion', name: 'g', kind: 'check', people: [], validMs: null });
      await registry.addVerdict('m', 1, { gate: 'g', passed: true, who: 'ci', at: 7, note: '' });
      await mustFail('REGISTRY_SEALED', () => registry.tagVersion('m', 1, features, 8), 'a verdict was given for it');
      await registry.renameModel('m', 'n', 5);
      await registry.deleteModel('n');
      await registry.close();
    },
  },
  {
    rule: 17,
    name: 'a move keeps the seal of the version that it sets the alias to',
    needs: [],
    run: async (subject) => {
      const registry = await withVersions(subject, 2);
      const sealsOf = async (version: number) => (await registry.versionRecord('m', version))?.seals;
      mustEqual(await sealsOf(1), [], 'no alias');
      await registry.moveAlias('m', 'champion', { expected: null, to: 1, at: 2 });
      const [{ alias, seal } = { alias: '', seal: '' }] = (await sealsOf(1)) ?? [];
      mustEqual([alias, seal.length], ['champion', 64], 'the seal of the alias');
      await registry.moveAlias('m', 'other', { expected: null, to: 1, at: 3 });
      mustEqual(
        (await sealsOf(1))?.map((one) => one.seal),
        [seal, seal],
        'the same version has the same seal',
      );
      await registry.moveAlias('m', 'champion', { expected: 1, to: 2, at: 4 });
      mustEqual(
        (await sealsOf(1))?.map((one) => one.alias),
        ['other'],
        'the alias that is left',
      );
      const [moved] = (await sealsOf(2)) ?? [];
      mustEqual(moved?.seal === seal, false, 'another version has another seal');
      await registry.close();
    },
  },
  {
    rule: 1,
    name: 'the number of a deleted version is never used again, and one that its champion, a gated alias or a hold needs is not deleted',
    needs: [],
    run: async (subject) => {
      const registry = await withVersions(subject, 2);
      await registry.moveAlias('m', 'champion', { expected: null, to: 2, at: 2 });
      await mustFail('REGISTRY_NEEDED', () => registry.deleteVersion('m', 2, { at: 3 }), 'the champion serves');
      await registry.moveAlias('m', 'champion', { expected: 2, to: null, at: 3 });
      await registry.hold({ holder: 'rollout/1', model: 'm', version: 2 });
      await mustFail('REGISTRY_NEEDED', () => registry.deleteVersion('m', 2, { at: 4 }), 'a hold needs it');
      await mustFail('REGISTRY_NEEDED', () => registry.deleteModel('m'), 'a hold needs a version');
      await registry.release('rollout/1');
      const gate = { model: 'm', alias: 'gated', name: 'g', kind: 'check', people: [], validMs: null } as const;
      await registry.moveAlias('m', 'gated', { expected: null, to: 2, at: 4 });
      await registry.setGate(gate);
      await mustFail('REGISTRY_NEEDED', () => registry.deleteVersion('m', 2, { at: 4 }), 'a gated alias needs it');
      await registry.removeGate('m', 'gated', 'g');
      await registry.moveAlias('m', 'other', { expected: null, to: 2, at: 4 });
      await registry.deleteVersion('m', 2, { at: 5, who: 'ann', why: 'old' });
      mustEqual(
        (await registry.moves('m')).map(({ alias, from, to, who }) => [alias, from, to, who]),
        [
          ['champion', null, 2, ''],
          ['champion', 2, null, ''],
          ['gated', null, 2, ''],
          ['other', null, 2, ''],
          ['gated', 2, null, 'ann'],
          ['other', 2, null, 'ann'],
        ],
        'its history',
      );
      mustEqual((await registry.model('m'))?.aliases, [], 'its aliases');
      mustEqual((await registry.createVersion(foreignVersion('m'))).version, 3, 'the next number');
      await mustFail('REGISTRY_FOREIGN', () => registry.version('m', 1), 'a version that no job trained');
      await registry.close();
    },
  },
  {
    rule: 3,
    name: 'an alias that races the deletion of its version never points at nothing',
    needs: [],
    run: async (subject) => {
      const registry = await withVersions(subject, 6);
      const other = await subject.open();
      for (let version = 1; version <= 6; version += 1) {
        await Promise.allSettled([
          registry.moveAlias('m', 'x', { expected: 'any', to: version, at: version }),
          other.deleteVersion('m', version, { at: version }),
        ]);
        const at = await registry.alias('m', 'x');
        if (at !== null && (await registry.versionRecord('m', at)) === null)
          throw new Error(`alias x points at ${at}, which is gone`);
      }
      await registry.close();
      await other.close();
    },
  },
  {
    rule: 11,
    name: 'a gated alias moves only to a version that passed every gate, by another person, in time',
    needs: [],
    run: async (subject) => {
      const registry = await withVersions(subject, 2);
      const gate = { model: 'm', alias: 'champion', people: [], validMs: 100 } as const;
      await registry.setGate({ ...gate, name: 'bias', kind: 'check', validMs: null });
      await registry.setGate({ ...gate, name: 'review', kind: 'approval' });
      const move = (at: number, expected: number | null | 'any' = null) =>
        registry.moveAlias('m', 'champion', { expected, to: 1, at });
      const decide = (name: string, who: string, passed = true, at = 50) =>
        registry.addVerdict('m', 1, { gate: name, passed, who, at, note: '' });
      await mustFail('REGISTRY_GATE', () => move(60), 'without a verdict');
      await decide('bias', 'ci');
      await mustFail('REGISTRY_VERDICT', () => decide('review', 'bob'), 'the author approves');
      await decide('review', 'ann');
      await mustFail('REGISTRY_GATE', () => move(150), 'after it expired');
      await mustFail('REGISTRY_EXPECTED', () => move(60, 'any'), 'without what it replaces');
      await decide('bias', 'ci', false);
      await mustFail('REGISTRY_GATE', () => move(60), 'after a failed check');
      await decide('bias', 'ci');
      await move(60);
      mustEqual(await registry.alias('m', 'champion'), 1, 'the alias');
      await registry.moveAlias('m', 'other', { expected: 'any', to: 2, at: 60 });
      await registry.close();
    },
  },
  {
    rule: 12,
    name: 'a content is erased once nothing names, claims or holds it, and not before',
    needs: [],
    run: async (subject) => {
      const registry = await withVersions(subject, 1);
      const erased: string[] = [];
      const all = ['a', 'b', 'c', 'e'].map(content);
      const collect = (now: number) =>
        registry.collect(all, { now, claimMs: 100, erase: async (digest) => void erased.push(digest) });
      await registry.nameFile({ path: 'x/y', digest: content('b'), sizeBytes: 1 }, 1);
      await registry.claimContent(content('c'), 10);
      mustEqual(await collect(50), [content('e')], 'nobody needs it');
      await registry.hold({ holder: 'rollout/1', model: 'm', version: 1 });
      await registry.unnameFiles('m');
      mustEqual(await registry.unnameFiles('x'), 1, 'names removed');
      mustEqual(await collect(60), [content('b'), content('e')], 'the name is gone, the hold and the claim are not');
      await registry.release('rollout/1');
      await registry.deleteVersion('m', 1, { at: 60 });
      mustEqual(await collect(200), all, 'nothing is left, and the claim is old');
      await registry.close();
    },
  },
  {
    rule: 12,
    name: 'a version of files that have lost their names is refused',
    needs: [],
    run: async (subject) => {
      const registry = await withVersions(subject, 0);
      await mustFail('REGISTRY_ABSENT', () => registry.createVersion(foreignVersion('m')), 'a content without a name');
      await registry.nameFile({ path: 'x', digest: content('a'), sizeBytes: 3 }, 1);
      mustEqual((await registry.createVersion(foreignVersion('m'))).version, 1, 'a content with one');
      await registry.close();
    },
  },
  {
    rule: 12,
    name: 'a folder lists its own entries, by name',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      for (const path of ['f/b', 'f/a/x', 'f/a/y', 'f!', 'f0', 'fa'])
        await registry.nameFile({ path, digest: content('a'), sizeBytes: 2 }, 1);
      mustEqual(
        await registry.folder('f'),
        [
          { name: 'a', isFolder: true, sizeBytes: null },
          { name: 'b', isFolder: false, sizeBytes: 2 },
        ],
        'entries',
      );
      mustEqual(
        (await registry.filesUnder('f')).map(({ path }) => path),
        ['f/a/x', 'f/a/y', 'f/b'],
        'files',
      );
      mustEqual(await registry.folder('f/b'), [], 'a file has no entries');
      mustEqual(await registry.unnameFiles('f/a'), 2, 'removed');
      await registry.close();
    },
  },
  {
    rule: 15,
    name: 'a change is kept with its deliveries, whoever makes it, and a refused change has none',
    needs: [],
    run: async (subject) => {
      const registry = await withVersions(subject, 1);
      const entity = 'model_version_alias';
      await registry.putWebhook(webhookFor('w', { entity, action: 'created' }));
      await registry.putWebhook({ ...webhookFor('off', { entity, action: 'created' }), isActive: false });
      await registry.moveAlias('m', 'x', { expected: null, to: 1, at: 7 });
      await mustFail('REGISTRY_MOVED', () => registry.moveAlias('m', 'x', { expected: null, to: 1, at: 8 }), 'a race');
      const first = await registry.takeDelivery(10, 20);
      const data = { name: 'm', alias: 'x', version: '1' };
      mustEqual(
        [first?.webhook, JSON.parse(first?.body ?? '{}')],
        ['w', { entity, action: 'created', timestamp: '1970-01-01T00:00:00.007Z', data }],
        'the delivery',
      );
      mustEqual(await registry.takeDelivery(10, 20), null, 'others');
      await registry.close();
    },
  },
  {
    rule: 15,
    name: 'a delivery is taken once, and comes back until it is finished',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      const other = await subject.open();
      await registry.putWebhook(webhookFor('w', { entity: 'registered_model', action: 'created' }));
      await registry.createModel({ name: 'm', description: '', tags: [], at: 5 });
      const taken = await Promise.all([registry.takeDelivery(10, 20), other.takeDelivery(10, 20)]);
      const [delivery] = taken.filter((one) => one !== null);
      mustEqual(taken.filter((one) => one !== null).length, 1, 'who took it');
      const again = await registry.takeDelivery(30, 40);
      mustEqual([again?.no, again?.attempts], [delivery?.no, 2], 'after its time');
      await registry.finishDelivery(again?.no ?? -1);
      mustEqual(await registry.takeDelivery(100, 200), null, 'finished');
      await registry.close();
      await other.close();
    },
  },
];
