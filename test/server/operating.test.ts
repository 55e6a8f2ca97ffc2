import { appendFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKey, revokeKey } from '../../src/operating/api-keys.ts';
import { AUDIT_FILE, AuditFile } from '../../src/operating/audit-log.ts';
import { backUp } from '../../src/operating/backup.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { project } from './shop.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-operating-routes-'));
let headrace: Headrace;
let server: RunningServer;

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 20_000 });
});

afterAll(async () => {
  await server?.close();
  await headrace?.close();
  rmSync(directory, { recursive: true, force: true });
});

const read = async (path: string) => {
  const answer = await fetch(`${server.url}/v1/admin/${path}`);
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return text;
};

test('keys are listed with their scopes, and nothing that proves one', async () => {
  const made = createKey(directory, { name: 'web', scopes: ['read'], now: 5 });
  revokeKey(directory, made.key.id, 9);
  const text = await read('keys');
  const key = { id: made.key.id, name: 'web', scopes: ['read'], createdAt: 5, revokedAt: 9 };
  expect(JSON.parse(text)).toEqual({ keys: [key] });
  expect(text).not.toContain(made.key.sha256);
});

test('the newest lines of the audit log come first, without a line that was cut, however long the log is', async () => {
  const log = new AuditFile(directory);
  const target = 'x'.repeat(20_000);
  for (let n = 0; n < 80; n += 1)
    log.append({ who: 'ada', what: `call ${n}`, target }, n, n === 79 ? 'FAILED' : 'done');
  appendFileSync(join(directory, AUDIT_FILE), '{"at":"2026');
  const { lines } = JSON.parse(await read('audit?limit=2'));
  expect(lines).toEqual([
    { at: new Date(79).toISOString(), who: 'ada', what: 'call 79', target, outcome: 'FAILED' },
    { at: new Date(78).toISOString(), who: 'ada', what: 'call 78', target, outcome: 'done' },
  ]);
  const many = JSON.parse(await read('audit?limit=1000')).lines;
  expect(many.length).toBeGreaterThan(30);
  expect(many.length).toBeLessThan(80);
  appendFileSync(join(directory, AUDIT_FILE), '\n');
});

test('backups that the audit log names are listed, the newest first, and one that was moved away says so', async () => {
  const log = new AuditFile(directory);
  const folders = ['first', 'second'].map((name) => join(directory, 'backups', name));
  for (const [i, folder] of folders.entries()) {
    await backUp({ project: 'shop', parts: [], folder, madeAt: 100 + i });
    log.append({ who: 'ada', what: 'backup', target: folder }, 100 + i, 'done');
  }
  renameSync(folders[0] ?? '', join(directory, 'backups', 'away'));
  // Answers name no path of the machine above the environment's directory.
  expect(JSON.parse(await read('backups'))).toEqual({
    backups: [
      { folder: 'backups/second', madeAt: 101, files: 0, bytes: 0 },
      { folder: 'backups/first', madeAt: null, files: 0, bytes: 0 },
    ],
  });
});
