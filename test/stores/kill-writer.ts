import { spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { mustEqual } from '../../src/testing/contracts/contract.ts';
import { logRecordAt } from '../../src/testing/contracts/event-log.ts';
import { mustAgree } from './numbered-tiles.ts';

export const LOG_WRITER = fileURLToPath(new URL('./log-writer.ts', import.meta.url));
export const STORE_WRITER = fileURLToPath(new URL('./store-writer.ts', import.meta.url));

/**
 * Starts a writer on a path, kills it (SIGKILL) some time after its first word, and not before it has printed a number; gives
 * the last that it printed.
 */
export async function killWriter(writer: string, path: string, afterMs: number, number = 0): Promise<number> {
  const child = spawn(process.execPath, [writer, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8');
  const first = new Promise((resolve) => child.stdout.once('data', resolve));
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.stdout.on('data', (more: string) => {
    text = (text + more).slice(-100);
  });
  await Promise.race([first, closed]);
  if (child.exitCode !== null) throw new Error(`${writer} ended by itself with ${child.exitCode}`);
  await setTimeout(afterMs);
  while (lastOf(text) < number && child.exitCode === null) await setTimeout(5);
  child.kill('SIGKILL');
  await closed;
  return lastOf(text);
}

/** The number of the last line; one that was cut is none. */
function lastOf(text: string): number {
  return Number(text.slice(0, text.lastIndexOf('\n')).split('\n').at(-1));
}

/** Opens the log again: everything acknowledged is there, each record as it was appended; gives the number of records. */
export async function checkLog(path: string, acknowledged: number): Promise<number> {
  const log = openEventLog({ path, durability: 'process', segmentBytes: 20_000 });
  try {
    await log.openTopic('t', 1);
    const [{ begin, end }] = await log.ends('t');
    if (end < acknowledged) throw new Error(`${acknowledged} were acknowledged, and ${end} are there`);
    const { records } = await log.read('t', 0, begin, end - begin);
    mustEqual(records.length, end - begin, 'records');
    for (const [i, record] of records.entries()) mustEqual(record, logRecordAt(begin + i), `record ${begin + i}`);
    return end;
  } finally {
    await log.close();
  }
}

/** Opens the store again: position and tiles are of one commit, none that returned is missing; gives its number. */
export async function checkOnlineStore(path: string, returned: number): Promise<number> {
  const store = openOnlineStore({ path });
  try {
    const last = await mustAgree(store);
    if (last < returned) throw new Error(`commit ${returned} returned, and ${last} is the last there`);
    return last;
  } finally {
    await store.close();
  }
}
