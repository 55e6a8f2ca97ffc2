import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { HLL_REGISTERS } from '../../features/aggregate/registers.ts';
import type { ProfiledColumn, ProfileEngine } from '../../ports/profile-engine.ts';
import { newRun, removeDead } from './history-engine.ts';
import { SparkApplication } from './session.ts';
import type { SparkOptions } from './submit.ts';

/**
 * Profiles by Spark: an application for each job, whose driver writes the merged profile to `<directory>/run=<process>-<number>` of this
 * machine.
 */
export function sparkProfileEngine(options: SparkOptions, directory: string): ProfileEngine {
  return {
    async profile(job, onProgress) {
      mkdirSync(directory, { recursive: true });
      removeDead(directory);
      const application = await SparkApplication.start(options, directory, onProgress);
      const folder = newRun(directory);
      try {
        await application.run({ tables: [], outputs: [], profile: { ...job, path: folder } });
        return readColumns(readFileSync(join(folder, 'profile')));
      } finally {
        rmSync(folder, { recursive: true, force: true });
        await application.close();
      }
    },
  };
}

/** Reads the file of `runner/ProfileTable.java`, which has its grammar. */
function readColumns(bytes: Uint8Array): readonly ProfiledColumn[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new TextDecoder();
  let at = 0;
  const moved = (size: number) => {
    at += size;
    return at - size;
  };
  const int = () => view.getInt32(moved(4));
  const long = () => Number(view.getBigInt64(moved(8)));
  const double = () => view.getFloat64(moved(8));
  const flag = () => view.getUint8(moved(1)) === 1;
  const text = () => {
    const size = int();
    return decoder.decode(bytes.subarray(moved(size), at));
  };
  const list = <T>(length: number, read: () => T): T[] => Array.from({ length }, read);
  const orNull = <T>(read: () => T): T[] | null => {
    const length = int();
    return length < 0 ? null : list(length, read);
  };
  return list(int(), () => {
    const name = text();
    const type = flag() ? ('number' as const) : ('text' as const);
    return {
      name,
      type,
      rows: long(),
      missing: long(),
      infinite: long(),
      mean: double(),
      squares: double(),
      whole: flag(),
      registers: bytes.slice(moved(HLL_REGISTERS), at),
      counts: orNull(long),
      numbers: orNull(() => [double(), long()] as const),
      texts: { n: long(), offset: long(), counts: new Map(list(int(), () => [text(), long()] as const)) },
      quantiles: flag() ? { min: double(), max: double(), levels: list(int(), () => list(int(), double)) } : null,
    };
  });
}
