import { mkdirSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import type { Scope } from '../../operating/api-keys.ts';
import { auditedCommand } from '../audit.ts';
import type { Command } from '../command.ts';
import { loadConfig } from '../load-config.ts';

export const keysCreate: Command = {
  name: ['keys', 'create'],
  summary: 'creates an API key and prints it once',
  words: '<name>',
  arity: [1, 1],
  options: { scopes: { type: 'string' } },
  help: { scopes: 'its scopes, separated by commas (read): read, write, admin' },
  async run(call) {
    const { createKey, SCOPES } = await import('../../operating/api-keys.ts');
    const { environment } = await loadConfig(call);
    const { directory } = environment;
    const [name] = call.words;
    const scopes = scopesOf(String(call.options['scopes'] ?? 'read'), SCOPES);
    mkdirSync(directory, { recursive: true });
    const { key, text } = await auditedCommand(directory, 'keys create', `${name} (${scopes.join(', ')})`, () =>
      createKey(directory, { name, scopes, now: Date.now() }),
    );
    if (call.json) return call.terminal.out(JSON.stringify({ id: key.id, name, scopes, key: text }));
    call.terminal.err(`key ${key.id} of ${name} has the scopes ${scopes.join(', ')}; it is not shown again`);
    call.terminal.out(text);
  },
};

export const keysList: Command = {
  name: ['keys', 'list'],
  summary: 'lists the API keys of an environment, without their secrets',
  words: '',
  arity: [0, 0],
  options: {},
  help: {},
  async run(call) {
    const { readKeys } = await import('../../operating/api-keys.ts');
    const { environment } = await loadConfig(call);
    const keys = readKeys(environment.directory).map(({ sha256: _, ...key }) => key);
    if (call.json) return call.terminal.out(JSON.stringify(keys));
    if (keys.length === 0) call.terminal.out('no keys; create one with headrace keys create <name>');
    for (const { id, name, scopes, createdAt, revokedAt } of keys) {
      const state = revokedAt === null ? 'valid' : `revoked ${new Date(revokedAt).toISOString()}`;
      call.terminal.out(`${id} ${name}: ${scopes.join(', ')}; created ${new Date(createdAt).toISOString()}, ${state}`);
    }
  },
};

export const keysRevoke: Command = {
  name: ['keys', 'revoke'],
  summary: 'revokes an API key; a running server rejects it within a second',
  words: '<id>',
  arity: [1, 1],
  options: {},
  help: {},
  async run(call) {
    const { revokeKey } = await import('../../operating/api-keys.ts');
    const { environment } = await loadConfig(call);
    const { directory } = environment;
    const [id] = call.words;
    const key = await auditedCommand(directory, 'keys revoke', id, () => revokeKey(directory, id, Date.now()));
    call.terminal.out(call.json ? JSON.stringify({ id, revokedAt: key.revokedAt }) : `${id} ${key.name}: revoked`);
  },
};

function scopesOf(text: string, scopes: readonly Scope[]): readonly Scope[] {
  return text.split(',').map((scope) => {
    const known = scopes.find((one) => one === scope.trim());
    if (known === undefined)
      throw fail('CLI_VALUE', { option: 'scopes', value: text, wanted: `a list of ${scopes.join(', ')}` });
    return known;
  });
}
