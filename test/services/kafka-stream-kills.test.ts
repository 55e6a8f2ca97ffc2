// @module-tag deep

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Broker, newBroker, startBroker } from '../../scripts/services/kafka.ts';
import { type Server, stopServer } from '../../scripts/services/server.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { childEnv } from '../child-env.ts';
import { addressOf } from './addresses.ts';
import { judgeKafka, StreamFolders } from './kafka-stream-site.ts';
import { until } from './until.ts';

/** More by hand: `HEADRACE_STREAM_MINUTES=10`, from the first kill on. */
const MINUTES = Number(process.env['HEADRACE_STREAM_MINUTES'] ?? 0);
const KILLS = Number(process.env['HEADRACE_STREAM_KILLS'] ?? 6);
const MEMBERS = 2;
/** A member is given up after this, ms. */
const SESSION_MS = 3_000;

const folder = mkdtempSync(join(tmpdir(), 'kafka-stream-broker-'));
let broker: Broker;
let running: Server;
let folders: StreamFolders;

beforeAll(async () => {
  // The service is started all the same: the suite belongs to its lane.
  addressOf('KAFKA_BROKERS');
  folders = await new StreamFolders().make();
  broker = await newBroker(folder, {
    'group.consumer.session.timeout.ms': String(SESSION_MS),
    'group.consumer.min.session.timeout.ms': String(SESSION_MS),
  });
  running = broker;
});
afterAll(async () => {
  await stopServer(running);
  folders.remove();
  rmSync(folder, { recursive: true, force: true });
});

interface Member {
  readonly child: ChildProcess;
  readonly lines: () => readonly string[];
}

const program = fileURLToPath(new URL('../inference/processes/stream-member.ts', import.meta.url));
let lives = 0;

function start(name: string, namespace: string): Member {
  lives += 1;
  const args = [join(folders.root, name), namespace, `127.0.0.1:${broker.port}`, String(lives)];
  const child = spawn(process.execPath, ['--conditions=headrace-source', program, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: childEnv(),
  });
  let printed = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  return { child, lines: () => printed.split('\n').filter(Boolean) };
}

async function killed({ child }: Member): Promise<void> {
  // One that ended by itself would be its own fault.
  expect([child.exitCode, child.signalCode]).toEqual([null, null]);
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await closed;
}

test('processes killed and stopped while they roll: no record lost, double, or of a version that the map does not have', async () => {
  const namespace = `kills-${process.pid}`;
  const rng = seededRandom(Number(process.env['HEADRACE_SEED'] ?? 1));
  const names = Array.from({ length: MEMBERS }, (_, i) => `member${i}`);
  for (const name of names) folders.directory(name, namespace);
  const members = new Map(names.map((name) => [name, start(name, namespace)]));
  const member = (name: string) => members.get(name) ?? start(name, namespace);
  const faults: string[] = [];
  const end = performance.now() + MINUTES * 60_000;
  let stops = 0;
  for (let kill = 1; kill <= KILLS || performance.now() < end; kill += 1) {
    const name = names[Math.floor(rng() * names.length)];
    const victim = member(name);
    const steps = 3 + Math.floor(rng() * 25);
    await until(async () => {
      const lines = victim.lines();
      const done = lines.filter((line) => line.startsWith('step')).length;
      return done >= steps || victim.child.exitCode !== null || `${done} of ${steps}: ${lines.slice(-5).join(' | ')}`;
    });
    const chance = rng();
    if (chance < 0.35) {
      // Stopped for longer than its session: another one has its partitions when it continues.
      stops += 1;
      victim.child.kill('SIGSTOP');
      const others = names.filter((one) => one !== name).map((one) => member(one));
      const before = others.map(({ lines }) => lines().length);
      const asleep = performance.now() + 2 * SESSION_MS;
      await until(
        async () =>
          performance.now() > asleep &&
          others.every(({ lines, child }, i) => lines().length > before[i] || child.exitCode !== null),
      );
      victim.child.kill('SIGCONT');
      const woken = victim.lines().length;
      await until(async () => victim.lines().length > woken + 3 || victim.child.exitCode !== null);
    } else if (chance < 0.45) {
      await stopServer(running);
      running = await startBroker(join(folder), broker.port);
    } else {
      faults.push(...victim.lines().filter((line) => line.startsWith('fault')));
      await killed(victim);
      members.set(name, start(name, namespace));
    }
  }
  const [last, ...others] = names.map((name) => member(name));
  for (const one of others) await killed(one);
  last.child.stdin?.end('end\n');
  await until(async () => last.lines().includes('closed') || last.child.exitCode !== null);
  expect(last.lines()).toContain('closed');
  const { records, outputs, plans, claims, ...wrong } = await judgeKafka(folder, namespace);
  console.info(`${lives} lives, ${stops} stops, ${records} records, ${plans} plans, ${claims} claims`);
  console.info([...new Set(faults)].join('\n'));
  expect(wrong).toMatchObject({ lost: 0, double: 0, wrong: 0 });
  expect(outputs).toBe(records);
  expect(plans).toBeGreaterThan(KILLS / 2);
}, 3_600_000);
