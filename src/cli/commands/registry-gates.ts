import { userInfo } from 'node:os';
import { fail } from '../../base/errors/fail.ts';
import { command } from '../command.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { withRegistry } from '../open/with-stores.ts';
import { flag, option, parseValue } from '../options/option.ts';
import { duration, list, name, or, text, version } from '../options/option-kinds.ts';

export const registryGate = command({
  name: ['registry', 'gate'],
  summary: 'declares a gate that a version must pass before an alias points at it; --remove removes it',
  words: '<model> <alias> <gate>',
  arity: [3, 3],
  options: {
    check: flag('a program decides; without it a person does, and not the one who registered the version'),
    people: option(list(name('the name of a person')), 'people who may approve, a,b,… (anybody but the author)', []),
    valid: option(duration, 'time that a decision counts, such as 7d (for ever)'),
    remove: flag('remove the gate'),
  },
  run: (call) =>
    withRegistry(call, async ({ registry, environment }) => {
      const [model = '', alias = '', gate = ''] = call.words;
      const { check, people, valid: validMs = null, remove } = call.options;
      await auditedCommand(environment.directory, 'registry gate', `${model} ${alias} ${gate}`, async () => {
        if (remove) return registry.removeGate(model, alias, gate);
        const kind = check ? 'check' : 'approval';
        return registry.setGate({ model, alias, name: gate, kind, people, validMs });
      });
      const gates = await registry.gates(model);
      if (call.json) return call.terminal.out(JSON.stringify(gates));
      for (const one of gates) call.terminal.out(`${one.model} ${one.alias} ${one.name} ${one.kind}`);
    }),
});

export const registryDecide = command({
  name: ['registry', 'decide'],
  summary: 'records that a version passed a gate, or with --reject that it did not',
  words: '<model> <version> <gate>',
  arity: [3, 3],
  options: {
    reject: flag('the version did not pass'),
    by: option(name('the name of a person'), 'the person that decides (the user of this machine)'),
    note: option(text, 'the reason'),
  },
  run: (call) =>
    withRegistry(call, async ({ registry, environment }) => {
      const [model = '', word = '', gate = ''] = call.words;
      const number = parseValue('version', version, word);
      const { reject, by: who = userInfo().username, note = '' } = call.options;
      const verdict = { gate, passed: !reject, who, at: Date.now(), note };
      await auditedCommand(environment.directory, 'registry decide', `${model} ${number} ${gate}`, () =>
        registry.addVerdict(model, number, verdict),
      );
      const verdicts = await registry.verdicts(model, number);
      if (call.json) return call.terminal.out(JSON.stringify(verdicts));
      for (const one of verdicts) call.terminal.out(`${one.gate} ${one.passed ? 'passed' : 'rejected'} by ${one.who}`);
    }),
});

export const registryAlias = command({
  name: ['registry', 'alias'],
  summary: 'moves an alias by compare-and-swap, or prints its history',
  words: '<model> <alias> [<version>]',
  arity: [2, 3],
  options: {
    from: option(
      or('none', version),
      'the version that the alias must point at before; none: it must be new (as it is now)',
    ),
    why: option(text, 'the reason'),
  },
  run: (call) =>
    withRegistry(call, async ({ registry, environment }) => {
      const [model = '', alias = '', word] = call.words;
      if ((await registry.model(model)) === null) throw fail('REGISTRY_ABSENT', { kind: 'model', name: model });
      if (word !== undefined) {
        const to = parseValue('version', version, word);
        const now = await registry.alias(model, alias);
        const { from: before = now, why = '' } = call.options;
        const expected = before === 'none' ? null : before;
        const change = { expected, to, at: Date.now(), who: userInfo().username, why };
        await auditedCommand(environment.directory, 'registry alias', `${model} ${alias} ${to}`, () =>
          registry.moveAlias(model, alias, change),
        );
      }
      const moves = (await registry.moves(model)).filter((move) => move.alias === alias);
      if (call.json) return call.terminal.out(JSON.stringify(moves));
      for (const { from, to, at, who, why } of moves)
        call.terminal.out(`${new Date(at).toISOString()} ${from ?? 'none'} to ${to ?? 'none'} ${who} ${why}`.trimEnd());
    }),
});
