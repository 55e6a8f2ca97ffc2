import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OfflineStore } from '../../../ports/offline-store.ts';
import { Engine } from './engine.ts';

/** Answers SQL that reads no stored table. */
export interface EmptyHistory extends Pick<OfflineStore, 'query'> {
  close(): void;
}

/** Opens a history without tables or a directory: what SQL is checked on before there is a store. */
export async function openEmptyHistory(): Promise<EmptyHistory> {
  const engine = await Engine.open({ memoryLimitBytes: 2 ** 28, threads: 1, scratch: join(tmpdir(), 'headrace') });
  return { query: (sql) => engine.stream(sql), close: () => engine.close() };
}
