import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { ModelRegistry, ModelVersion, NewModelVersion } from '../../ports/model-registry.ts';
import { type Contract, mustEqual, mustFail } from './contract.ts';

/** The subject: one registry, empty at first, that may be opened many times. */
export interface RegistrySubject {
  open(): MaybePromise<ModelRegistry>;
}

const digest = (digit: string): string => digit.repeat(64);

/** A version as a training job would register it. */
export function newVersion(model: string, changes: Partial<NewModelVersion> = {}): NewModelVersion {
  return {
    model,
    signature: { features: ['distance', 'origin_mean_delay_1h'], input: 'features', output: 'probability' },
    lineage: {
      declaration: digest('d'),
      service: 'departure@1',
      trainingSet: { digest: digest('e'), rows: 12, unlabelled: 3, from: 0, to: null, mode: 'corrected' },
      trainer: { kind: 'logisticRegression', c: 0.5, categorical: ['clock_hour'] },
    },
    metrics: { auc: 0.81, loss: 0.42 },
    artifact: digest('a'),
    parity: digest('b'),
    createdAt: 1_000,
    ...changes,
  };
}

/** The rules of `ports/model-registry.ts`. */
export const modelRegistryContracts: readonly Contract<RegistrySubject>[] = [
  {
    rule: 1,
    name: 'versions of a model are numbered from 1 in the order of registration, each model on its own',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      mustEqual(await registry.models(), [], 'models of an empty registry');
      const numbers: number[] = [];
      for (const model of ['b', 'a', 'b', 'b']) numbers.push((await registry.register(newVersion(model))).version);
      mustEqual(numbers, [1, 1, 2, 3], 'numbers given');
      mustEqual(await registry.models(), ['a', 'b'], 'models');
      mustEqual(numbersOf(await registry.versions('b')), [1, 2, 3], 'versions of b');
      mustEqual(await registry.versions('c'), [], 'versions of a model that is not there');
      await registry.close();
    },
  },
  {
    rule: 1,
    name: 'a version is read as it was registered, whatever its texts and numbers',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      const written = newVersion("o'clock — 🙂\n", {
        metrics: { auc: 0.1 + 0.2, loss: 5e-324, rows: Number.MAX_SAFE_INTEGER },
        createdAt: -1,
      });
      const registered = await registry.register(written);
      mustEqual(registered, { ...written, version: 1 }, 'what registering returns');
      mustEqual(await registry.version(written.model, 1), registered, 'what is read');
      mustEqual(await registry.versions(written.model), [registered], 'what is listed');
      await registry.close();
    },
  },
  {
    rule: 1,
    name: 'with any number of writers, no version number is used twice or skipped',
    needs: [],
    run: async (subject) => {
      const registries = [await subject.open(), await subject.open(), await subject.open()];
      const given = await Promise.all(
        Array.from({ length: 30 }, async (_, i) => (await registries[i % 3].register(newVersion('m'))).version),
      );
      given.sort((a, b) => a - b);
      mustEqual(
        given,
        Array.from({ length: 30 }, (_, i) => i + 1),
        'numbers given',
      );
      for (const registry of registries) await registry.close();
    },
  },
  {
    rule: 1,
    name: 'an absent version is REGISTRY_VERSION',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      await registry.register(newVersion('m'));
      for (const version of [0, 2, -1, 1.5, Number.NaN]) {
        await mustFail('REGISTRY_VERSION', () => registry.version('m', version), `version ${version}`);
      }
      await mustFail('REGISTRY_VERSION', () => registry.version('M', 1), 'a model of another case');
      await registry.close();
    },
  },
  {
    rule: 2,
    name: 'an alias moves from the expected version, and from no other',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      for (let i = 0; i < 3; i += 1) await registry.register(newVersion('m'));
      mustEqual(await registry.alias('m', 'champion'), null, 'an alias that is not there');
      await mustFail(
        'REGISTRY_MOVED',
        () => registry.moveAlias('m', 'champion', { expected: 1, to: 2, at: 5 }),
        'moving what is not there',
      );
      await registry.moveAlias('m', 'champion', { expected: null, to: 1, at: 10 });
      await mustFail(
        'REGISTRY_MOVED',
        () => registry.moveAlias('m', 'champion', { expected: null, to: 2, at: 11 }),
        'making what is there',
      );
      await registry.moveAlias('m', 'champion', { expected: 1, to: 3, at: 12 });
      await mustFail(
        'REGISTRY_MOVED',
        () => registry.moveAlias('m', 'champion', { expected: 1, to: 2, at: 13 }),
        'moving from where it stood',
      );
      mustEqual(await registry.alias('m', 'champion'), 3, 'where it stands');
      mustEqual(await registry.alias('m', 'challenger'), null, 'another alias');
      mustEqual(await registry.alias('n', 'champion'), null, 'the alias of another model');
      await registry.close();
    },
  },
  {
    rule: 2,
    name: 'if several move an alias from one version at once, exactly one succeeds',
    needs: [],
    run: async (subject) => {
      const registries = [await subject.open(), await subject.open(), await subject.open()];
      for (let i = 0; i < 4; i += 1) await registries[0].register(newVersion('m'));
      await registries[0].moveAlias('m', 'champion', { expected: null, to: 1, at: 0 });
      const outcomes = await Promise.allSettled(
        registries.map(async (registry, i) => registry.moveAlias('m', 'champion', { expected: 1, to: i + 2, at: 1 })),
      );
      const moved = outcomes.flatMap(({ status }, i) => (status === 'fulfilled' ? [i + 2] : []));
      mustEqual(moved.length, 1, 'moves that went through');
      for (const registry of registries) mustEqual(await registry.alias('m', 'champion'), moved[0], 'where it stands');
      mustEqual((await registries[1].moves('m')).length, 2, 'moves that are kept');
      for (const registry of registries) await registry.close();
    },
  },
  {
    rule: 3,
    name: 'an alias cannot point at a version that does not exist',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      await registry.register(newVersion('m'));
      await registry.register(newVersion('n'));
      await registry.register(newVersion('n'));
      await mustFail(
        'REGISTRY_VERSION',
        () => registry.moveAlias('m', 'champion', { expected: null, to: 2, at: 0 }),
        'a version that only another model has',
      );
      mustEqual(await registry.alias('m', 'champion'), null, 'where it stands');
      mustEqual(await registry.moves('m'), [], 'moves');
      await registry.close();
    },
  },
  {
    rule: 4,
    name: 'every move is kept, in order, and a rejected one is not',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      for (let i = 0; i < 2; i += 1) await registry.register(newVersion('m'));
      await registry.register(newVersion('n'));
      await registry.moveAlias('m', 'champion', { expected: null, to: 1, at: 30 });
      await registry.moveAlias('m', 'challenger', { expected: null, to: 2, at: 20 });
      await registry.moveAlias('n', 'champion', { expected: null, to: 1, at: 20 });
      await mustFail(
        'REGISTRY_MOVED',
        () => registry.moveAlias('m', 'champion', { expected: 2, to: 2, at: 20 }),
        'a move from elsewhere',
      );
      await registry.moveAlias('m', 'champion', { expected: 1, to: 2, at: 10 });
      await registry.moveAlias('m', 'champion', { expected: 2, to: 2, at: 40 });
      mustEqual(
        await registry.moves('m'),
        [
          { alias: 'champion', from: null, to: 1, at: 30, who: '', why: '' },
          { alias: 'challenger', from: null, to: 2, at: 20, who: '', why: '' },
          { alias: 'champion', from: 1, to: 2, at: 10, who: '', why: '' },
          { alias: 'champion', from: 2, to: 2, at: 40, who: '', why: '' },
        ],
        'moves',
      );
      await registry.close();
    },
  },
  {
    rule: 5,
    name: 'versions, aliases and moves are there when the registry is opened again, and for another process at once',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      const reader = await subject.open();
      const registered = await registry.register(newVersion('m'));
      await registry.moveAlias('m', 'champion', { expected: null, to: 1, at: 7 });
      mustEqual(await reader.alias('m', 'champion'), 1, 'the alias as another sees it');
      await registry.close();
      await reader.close();
      const again = await subject.open();
      mustEqual(await again.version('m', 1), registered, 'the version');
      mustEqual(await again.alias('m', 'champion'), 1, 'the alias');
      mustEqual(
        await again.moves('m'),
        [{ alias: 'champion', from: null, to: 1, at: 7, who: '', why: '' }],
        'the moves',
      );
      mustEqual((await again.register(newVersion('m'))).version, 2, 'the next number');
      await again.close();
    },
  },
];

function numbersOf(versions: readonly ModelVersion[]): readonly number[] {
  return versions.map(({ version }) => version);
}
