import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { logRecordAt } from '../../src/testing/contracts/event-log.ts';
import { newRoot } from './new-root.ts';

const FIXTURE = fileURLToPath(new URL('../fixtures/event-log-1', import.meta.url));
const TOPIC = 'departures@1';

function copyOfFixture(): string {
  const path = newRoot();
  cpSync(FIXTURE, path, { recursive: true });
  return path;
}

test('a log that was written by format 1 is read and continues', async () => {
  const path = copyOfFixture();
  const log = openEventLog({ path, durability: 'process' });
  await log.openTopic(TOPIC, 2);
  const parts: number[][] = [[], []];
  for (let i = 1, n = 0; i <= 12; n += i, i += 1) for (let k = 0; k < i; k += 1) parts[i % 2].push(n + k);
  for (const [partition, numbers] of parts.entries()) {
    const { records } = await log.read(TOPIC, partition, 0, 1_000);
    expect(records).toEqual(numbers.map((n) => logRecordAt(n)));
  }
  expect(await log.committed('archive', TOPIC)).toEqual([20, 30]);
  expect(await log.append(TOPIC, 0, [logRecordAt(1_000)])).toBe(parts[0].length);
  await log.close();
});

test('a whole frame of a later format is LOG_FORMAT, in the newest file and in an older one: nothing is cut off', async () => {
  for (const which of [0, -1]) {
    const path = copyOfFixture();
    const folder = join(path, 'topics', encodeURIComponent(TOPIC), '0');
    const file = join(folder, readdirSync(folder).sort().at(which) ?? '');
    const bytes = readFileSync(file);
    bytes[3] = 2;
    const end = 12 + bytes.readUInt32LE(4);
    bytes.writeUInt32LE(crc32(bytes.subarray(12, end), crc32(Uint8Array.of(2))), 8);
    writeFileSync(file, bytes);
    const log = openEventLog({ path, durability: 'process' });
    expect(() => log.openTopic(TOPIC, 2)).toThrow(expect.objectContaining({ code: 'LOG_FORMAT' }));
    await log.close();
    expect(readFileSync(file)).toEqual(bytes);
  }
});

test('a topic or a reader position of another format, or none, is LOG_CORRUPT naming the file', async () => {
  for (const content of ['{"format":2,"partitions":2,"offsets":[1,1]}', '{"format":1', '']) {
    const path = copyOfFixture();
    const log = openEventLog({ path, durability: 'process' });
    await log.openTopic(TOPIC, 2);
    const file = join(path, 'readers', 'archive', `${encodeURIComponent(TOPIC)}.json`);
    expect(existsSync(file)).toBe(true);
    writeFileSync(file, content);
    const damage = (at: string) =>
      expect.objectContaining({ code: 'LOG_CORRUPT', facts: expect.objectContaining({ path: at }) });
    expect(() => log.committed('archive', TOPIC)).toThrow(damage(file));
    await log.close();
    const topic = join(path, 'topics', encodeURIComponent(TOPIC), 'topic.json');
    writeFileSync(topic, content);
    const again = openEventLog({ path, durability: 'process' });
    expect(() => again.openTopic(TOPIC, 2)).toThrow(damage(topic));
    await again.close();
  }
});

test('names of topics and readers stay within the directory, and do not meet', async () => {
  const path = newRoot();
  const log = openEventLog({ path, durability: 'process' });
  const names = ['..', '.', '../..', 'a/b', 'a', 'a%2Fb', '%2E', '名'];
  for (const [i, name] of names.entries()) {
    await log.openTopic(name, 1);
    await log.append(name, 0, [logRecordAt(i)]);
    await log.commit(name, name, [i]);
  }
  for (const [i, name] of names.entries()) {
    expect((await log.read(name, 0, 0, 10)).records).toEqual([logRecordAt(i)]);
    expect(await log.committed(name, name)).toEqual([i]);
  }
  await log.close();
  expect(readdirSync(path).filter((name) => !name.startsWith('lock'))).toEqual(['readers', 'topics']);
  expect(readdirSync(join(path, 'topics')).length).toBe(names.length);
});

test('a payload that holds a whole frame does not make its torn append look like damage', async () => {
  const path = newRoot();
  const write = async () => {
    const log = openEventLog({ path, durability: 'process' });
    await log.openTopic('t', 1);
    const { end } = (await log.ends('t'))[0];
    const frames = readFileSync(join(path, 'topics', 't', '0', `${'0'.repeat(16)}.log`));
    await log.append('t', 0, [{ id: 'x', ts: 1, ingestTs: 1, payload: frames }]);
    await log.close();
    return end;
  };
  for (let i = 0; i < 4; i += 1) await write();
  const file = join(path, 'topics', 't', '0', `${'0'.repeat(16)}.log`);
  const bytes = readFileSync(file);
  for (const cut of [1, 2, 5, 10]) {
    writeFileSync(file, bytes.subarray(0, bytes.length - cut));
    const log = openEventLog({ path, durability: 'process' });
    await log.openTopic('t', 1);
    expect((await log.ends('t'))[0].end).toBe(3);
    await log.close();
  }
});

test('a log in a place that cannot be written is LOG_WRITE', () => {
  if (!existsSync('/sys/kernel')) return;
  expect(() => openEventLog({ path: '/sys/kernel/none', durability: 'process' })).toThrow(
    expect.objectContaining({ code: 'LOG_WRITE' }),
  );
});
