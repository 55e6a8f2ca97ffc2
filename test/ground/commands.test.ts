import { spawn } from 'node:child_process';
import { once as event } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { root, runCommand } from '../../scripts/run-command.ts';
import { once } from '../../scripts/services/binaries.ts';
import { clusterId } from '../../scripts/services/kafka.ts';
import { hasEnded } from '../has-ended.ts';
import { until } from '../services/until.ts';

const directory = mkdtempSync(join(tmpdir(), 'commands-'));
process.env.HEADRACE_CACHE = directory;

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A shell that starts a process, which starts another, prints the number of the last and waits. */
const GRANDCHILD = 'bash -c "sleep 3600 & echo \\$!; wait" & wait';

test('a command that reaches its limit ends with everything that it started', async () => {
  let pid = Number.NaN;
  // A slow machine may end the shell before it has started anything.
  for (let limitMs = 250; Number.isNaN(pid); limitMs *= 2) {
    const { code, stdout, output } = await runCommand('bash', ['-c', GRANDCHILD], { limitMs });
    expect(code).not.toBe(0);
    expect(output).toContain(`stopped after ${limitMs} ms`);
    pid = Number.parseInt(stdout, 10);
  }
  await until(async () => hasEnded(pid));
});

test('a command without a limit ends by itself, with its own exit code', async () => {
  expect((await runCommand('bash', ['-c', 'exit 3'], { limitMs: null })).code).toBe(3);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'a process that gets %s ends what its commands started, removes what it was downloading and exits',
  async (signal) => {
    const place = mkdtempSync(join(directory, 'interrupted-'));
    const program = `import { must, once } from '${root}/scripts/services/binaries.ts';
      await once('half', (into) => must('bash', ['-c', ${JSON.stringify(`${GRANDCHILD.replace('\\$!', '\\$! > ../pid')}`)}], into));`;
    writeFileSync(join(place, 'program.ts'), program);
    const child = spawn('node', [join(place, 'program.ts')], {
      env: { ...process.env, HEADRACE_CACHE: place },
      stdio: 'inherit',
    });
    const started = join(place, 'services', 'pid');
    await until(async () => existsSync(started) && readFileSync(started, 'utf8').endsWith('\n'));
    const pid = Number(readFileSync(started, 'utf8'));
    child.kill(signal);
    const [code] = await event(child, 'exit');
    expect(code).toBeGreaterThan(128);
    await until(async () => hasEnded(pid));
    expect(readdirSync(join(place, 'services'))).toEqual(['pid']);
  },
);

test('a process that exits ends what its commands started', async () => {
  const place = mkdtempSync(join(directory, 'exits-'));
  const pid = join(place, 'pid');
  const command = GRANDCHILD.replace('\\$!', `\\$! > ${pid}`);
  const program = `import { existsSync, readFileSync } from 'node:fs';
    import { runCommand } from '${root}/scripts/run-command.ts';
    void runCommand('bash', ['-c', ${JSON.stringify(command)}], { limitMs: null });
    setInterval(() => existsSync('${pid}') && readFileSync('${pid}', 'utf8').endsWith('\\n') && process.exit(7), 5);`;
  writeFileSync(join(place, 'program.ts'), program);
  expect((await runCommand('node', [join(place, 'program.ts')], { limitMs: null })).code).toBe(7);
  await until(async () => hasEnded(Number(readFileSync(pid, 'utf8'))));
});

test.each([0, 1, 2])(
  'a download that fails after %i files leaves nothing, and the next one is whole',
  async (files) => {
    const name = `part-${files}`;
    const fill = (fails: boolean) => async (into: string) => {
      for (let i = 0; i < 3; i += 1) {
        if (fails && i === files) throw new Error('no network');
        writeFileSync(join(into, `${i}`), 'x');
      }
    };
    await expect(once(name, fill(true))).rejects.toThrow('no network');
    expect(readdirSync(join(directory, 'services')).filter((entry) => entry.startsWith(name))).toEqual([]);
    expect(readdirSync(await once(name, fill(false)))).toEqual(['0', '1', '2']);
    expect(readdirSync(join(directory, 'services')).filter((entry) => entry.startsWith(name))).toEqual([name]);
  },
);

test('what a killed process left half made is removed; what a living one is making stays', async () => {
  const services = join(directory, 'services');
  const dead = spawn('true');
  await event(dead, 'exit');
  const of = (pid: number | undefined) => `thing.${hostname()}.${pid}`;
  for (const name of [of(dead.pid), of(process.ppid), 'thing.elsewhere.1'])
    mkdirSync(join(services, name), { recursive: true });
  await once('thing', async () => undefined);
  const left = readdirSync(services).filter((entry) => entry.startsWith('thing'));
  expect(new Set(left)).toEqual(new Set([of(process.ppid), 'thing', 'thing.elsewhere.1']));
});

test('the id of a Kafka cluster is no option of a command, whatever its first byte', () => {
  for (let first = 0; first < 256; first += 1)
    expect(clusterId(Uint8Array.from({ length: 16 }, (_, i) => (i === 0 ? first : 255)))).toMatch(/^[A-P][\w-]{21}$/);
});

test('a download that another process finished first is taken from there', async () => {
  const place = await once('raced', async () => {
    mkdirSync(join(directory, 'services', 'raced'));
    writeFileSync(join(directory, 'services', 'raced', 'theirs'), '');
  });
  expect(readdirSync(place)).toEqual(['theirs']);
});
