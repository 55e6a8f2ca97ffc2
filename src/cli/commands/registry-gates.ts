import { userInfo } from 'node:os';
import { fail } from '../../base/errors/fail.ts';
import { parseDuration } from '../../base/time.ts';
import { auditedCommand } from '../audit.ts';
import type { Command } from '../command.ts';
import { versionWord } from '../version-word.ts';
import { withRegistry } from '../with-registry.ts';

export const registryGate: Command = {
  name: ['registry', 'gate'],
  summary: 'declares a gate that a version must pass before an alias points at it; --remove removes it',
  words: '<model> <alias> <gate>',
  arity: [3, 3],
  options: {
    check: { type: 'boolean' },
    people: { type: 'string' },
    valid: { type: 'string' },
    remove: { type: 'boolean' },
  },
  help: {
    check: 'a program decides; without it a person does, and not the one who registered the version',
    people: 'people who may approve, a,b,… (anybody but the author)',
    valid: 'time that a decision counts, such as 7d (for ever)',
    remove: 'remove the gate',
  },
  run: (call) =>
    withRegistry(call, async ({ registry, environment }) => {
      const [model = '', alias = '', name = ''] = call.words;
      const { options } = call;
      const validMs = options['valid'] === undefined ? null : parseDuration(String(options['valid']), '--valid');
      const people = options['people'] === undefined ? [] : String(options['people']).split(',');
      await auditedCommand(environment.directory, 'registry gate', `${model} ${alias} ${name}`, async () => {
        if (options['remove'] === true) return registry.removeGate(model, alias, name);
        const kind = options['check'] === true ? 'check' : 'approval';
        return registry.setGate({ model, alias, name, kind, people, validMs });
      });
      const gates = await registry.gates(model);
      if (call.json) return call.terminal.out(JSON.stringify(gates));
      for (const gate of gates) call.terminal.out(`${gate.model} ${gate.alias} ${gate.name} ${gate.kind}`);
    }),
};

export const registryDecide: Command = {
  name: ['registry', 'decide'],
  summary: 'records that a version passed a gate, or with --reject that it did not',
  words: '<model> <version> <gate>',
  arity: [3, 3],
  options: { reject: { type: 'boolean' }, by: { type: 'string' }, note: { type: 'string' } },
  help: { reject: 'the version did not pass', by: 'who decides (the user of this machine)', note: 'the reason' },
  run: (call) =>
    withRegistry(call, async ({ registry, environment }) => {
      const [model = '', text = '', gate = ''] = call.words;
      const version = versionWord(text);
      const who = String(call.options['by'] ?? userInfo().username);
      const verdict = {
        gate,
        passed: call.options['reject'] !== true,
        who,
        at: Date.now(),
        note: String(call.options['note'] ?? ''),
      };
      await auditedCommand(environment.directory, 'registry decide', `${model} ${version} ${gate}`, () =>
        registry.addVerdict(model, version, verdict),
      );
      const verdicts = await registry.verdicts(model, version);
      if (call.json) return call.terminal.out(JSON.stringify(verdicts));
      for (const one of verdicts) call.terminal.out(`${one.gate} ${one.passed ? 'passed' : 'rejected'} by ${one.who}`);
    }),
};

export const registryAlias: Command = {
  name: ['registry', 'alias'],
  summary: 'moves an alias by compare-and-swap, or prints its history',
  words: '<model> <alias> [<version>]',
  arity: [2, 3],
  options: { from: { type: 'string' }, why: { type: 'string' } },
  help: {
    from: 'the version that the alias must point at before; none: it must be new (as it is now)',
    why: 'the reason',
  },
  run: (call) =>
    withRegistry(call, async ({ registry, environment }) => {
      const [model = '', alias = '', text] = call.words;
      if ((await registry.model(model)) === null) throw fail('REGISTRY_ABSENT', { kind: 'model', name: model });
      if (text !== undefined) {
        const to = versionWord(text);
        const from = call.options['from'];
        const now = await registry.alias(model, alias);
        const expected = from === undefined ? now : from === 'none' ? null : versionWord(String(from));
        const change = {
          expected,
          to,
          at: Date.now(),
          who: userInfo().username,
          why: String(call.options['why'] ?? ''),
        };
        await auditedCommand(environment.directory, 'registry alias', `${model} ${alias} ${to}`, () =>
          registry.moveAlias(model, alias, change),
        );
      }
      const moves = (await registry.moves(model)).filter((move) => move.alias === alias);
      if (call.json) return call.terminal.out(JSON.stringify(moves));
      for (const { from, to, at, who, why } of moves)
        call.terminal.out(`${new Date(at).toISOString()} ${from ?? 'none'} to ${to ?? 'none'} ${who} ${why}`.trimEnd());
    }),
};
