import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { mustEqual } from '../../src/testing/contracts/contract.ts';
import { logRecordAt } from '../../src/testing/contracts/event-log.ts';
import { childEnv } from '../child-env.ts';
import { type KillPoint, killProcess } from '../kill-process.ts';
import { mustAgree } from './numbered-tiles.ts';

export const LOG_WRITER = fileURLToPath(new URL('./log-writer.ts', import.meta.url));
export const STORE_WRITER = fileURLToPath(new URL('./store-writer.ts', import.meta.url));

/** Starts a writer on a path, kills it (SIGKILL) at a point, and gives the last number that it printed. */
export async function killWriter(writer: string, path: string, at: KillPoint): Promise<number> {
  const child = spawn(process.execPath, [writer, path], { stdio: ['ignore', 'pipe', 'inherit'], env: childEnv() });
  return lastOf(await killProcess(child, at));
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
