// Runs a page of the guide as it is printed: every command line of its `sh` blocks, in order, in this checkout. A line that serves
// continues until the demonstration or the end. `npm run test:page`, which needs port 8080. Lines that need a service or a file of the reader are
// skipped, and named.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { killGroup, root, runCommand } from '../../scripts/run-command.ts';

const PAGE = 'docs/guide/features-at-50k-rps.md';
const LIMIT_MS = 1_800_000;
/** For a shorter run: options that are added to the demonstration, such as `--seconds 1 --users 300`. */
const added = process.env['HEADRACE_PAGE_OPTIONS'] ?? '';

const skipped: readonly (readonly [RegExp, string])[] = [
  [/^npm ci/, 'the checkout is installed; only the build runs'],
  [/--env redis/, 'it needs a Redis'],
  [/--csv /, 'it needs a log of purchases'],
];

const blocks = [...readFileSync(`${root}/${PAGE}`, 'utf8').matchAll(/^```sh\n([^`]*)```$/gm)].map(([, text]) => text);
const lines = blocks.flatMap((text) => text.trimEnd().split('\n'));
assert.ok(lines.length >= 8, `${PAGE} has ${lines.length} command lines`);

await runLine('npm run build');
let server: ChildProcess | null = null;
for (const line of lines) {
  const reason = skipped.find(([pattern]) => pattern.test(line))?.[1];
  if (reason !== undefined) console.log(`SKIPPED: ${line}: ${reason}`);
  else if (/^npx headrace serve /.test(line)) server = await serve(line);
  else {
    // As the page says: what serves is stopped before the demonstration.
    if (line.startsWith('npm run example')) await stopServer();
    await runLine(line.startsWith('npm run example') && added !== '' ? `${line} -- ${added}` : line);
  }
}
await stopServer();
rmSync(`${root}/report.html`);
console.log(`✓ ${PAGE}`);

async function runLine(line: string): Promise<void> {
  const { code, output } = await runCommand('sh', ['-c', line], { limitMs: LIMIT_MS });
  assert.equal(code, 0, `${line} ended with ${code}:\n${output}`);
  console.log(`✓ ${line}`);
}

/** Starts what serves, and waits until it listens. */
async function serve(line: string): Promise<ChildProcess> {
  await stopServer();
  const path = `${root}/node_modules/.bin:${process.env['PATH'] ?? ''}`;
  const child = spawn('sh', ['-c', line], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PATH: path },
  });
  process.once('exit', () => killGroup(child.pid));
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${line} ended with ${code}`)));
  const [text]: unknown[] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  ended.catch(() => undefined);
  assert.match(String(text), /^listening on /);
  console.log(`✓ ${line}`);
  return child;
}

/** As Ctrl-C of a terminal: to every process of its group. */
async function stopServer(): Promise<void> {
  const child = server;
  server = null;
  if (child?.pid === undefined || child.exitCode !== null) return;
  const ended = once(child.stdout ?? child, 'close');
  process.kill(-child.pid, 'SIGINT');
  await ended;
}
