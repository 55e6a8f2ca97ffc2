import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { SCOPES } from '../../operating/scopes.ts';
import { command } from '../command.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { loadConfig } from '../open/load-config.ts';
import { needed, option } from '../options/option.ts';
import { choice, list } from '../options/option-kinds.ts';

const scopes = list(choice(SCOPES), 1);

export const keysCreate = command({
  name: ['keys', 'create'],
  summary: 'creates an API key and prints it once',
  words: '<name>',
  arity: [1, 1],
  options: { scopes: option(scopes, `its scopes, separated by commas: ${SCOPES.join(', ')}`, ['read']) },
  async run(call) {
    const { createKey } = await import('../../operating/api-keys.ts');
    const { environment } = await loadConfig(call);
    const { directory } = environment;
    const [name] = call.words;
    const { scopes } = call.options;
    mkdirSync(directory, { recursive: true });
    const { key, text } = await auditedCommand(directory, 'keys create', `${name} (${scopes.join(', ')})`, () =>
      createKey(directory, { name, scopes, now: Date.now() }),
    );
    if (call.json) return call.terminal.out(JSON.stringify({ id: key.id, name, scopes, key: text }));
    call.terminal.err(`key ${key.id} of ${name} has the scopes ${scopes.join(', ')}; it is not shown again`);
    call.terminal.out(text);
  },
});

export const keysList = command({
  name: ['keys', 'list'],
  summary: 'lists the API keys of an environment, without their secrets',
  words: '',
  arity: [0, 0],
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
});

export const keysGrant = command({
  name: ['keys', 'grant'],
  summary: 'adds scopes to an API key, whose text stays valid',
  words: '<id>',
  arity: [1, 1],
  options: { scopes: needed(scopes, 'the scopes to add, separated by commas') },
  async run(call) {
    const { grantScopes } = await import('../../operating/api-keys.ts');
    const { environment } = await loadConfig(call);
    const { directory } = environment;
    const [id] = call.words;
    const { scopes } = call.options;
    const key = await auditedCommand(directory, 'keys grant', `${id} (${scopes.join(', ')})`, () =>
      grantScopes(directory, id, scopes),
    );
    if (call.json) return call.terminal.out(JSON.stringify({ id, scopes: key.scopes }));
    call.terminal.out(`${id} ${key.name}: ${key.scopes.join(', ')}`);
  },
});

export const keysRevoke = command({
  name: ['keys', 'revoke'],
  summary: 'revokes an API key; a running server rejects it within a second',
  words: '<id>',
  arity: [1, 1],
  async run(call) {
    const { revokeKey } = await import('../../operating/api-keys.ts');
    const { environment } = await loadConfig(call);
    const { directory } = environment;
    const [id] = call.words;
    const key = await auditedCommand(directory, 'keys revoke', id, () => revokeKey(directory, id, Date.now()));
    call.terminal.out(call.json ? JSON.stringify({ id, revokedAt: key.revokedAt }) : `${id} ${key.name}: revoked`);
  },
});

export const keysImport = command({
  name: ['keys', 'import'],
  summary: 'takes the API keys of a keys.json; revoked keys stay revoked, and those that it lacks are revoked',
  words: '<keys.json>',
  arity: [1, 1],
  async run(call) {
    const { importKeys } = await import('../../operating/api-keys.ts');
    const { environment } = await loadConfig(call);
    const { directory } = environment;
    const path = resolve(String(call.words[0]));
    mkdirSync(directory, { recursive: true });
    const keys = await auditedCommand(directory, 'keys import', path, () => importKeys(directory, path, Date.now()));
    const valid = keys.filter(({ revokedAt }) => revokedAt === null).length;
    const counts = { valid, revoked: keys.length - valid };
    call.terminal.out(call.json ? JSON.stringify(counts) : `${valid} keys are valid, ${counts.revoked} are revoked`);
  },
});
