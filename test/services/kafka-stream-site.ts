import { execFile } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type FoundRecord, judgeRecords, type Verdict } from '../../examples/inference/judge.ts';
import { kafkaTool } from '../../scripts/services/kafka.ts';
import { event, PARTITIONS, registerVersions } from '../inference/stream-site.ts';

/** Where members of one stream run: a folder each, all with the same versions. */
export class StreamFolders {
  readonly root = mkdtempSync(join(tmpdir(), 'headrace-kafka-stream-'));
  readonly #first = join(this.root, 'versions');
  readonly #others = join(this.root, 'others');

  async make(): Promise<this> {
    await registerVersions(this.#first);
    await registerVersions(this.#others, 3);
    return this;
  }

  /** An environment's folder of a namespace; `others`: with other versions of the same numbers. */
  directory(member: string, namespace: string, which: 'same' | 'others' = 'same'): string {
    const path = join(this.root, member);
    cpSync(which === 'same' ? this.#first : this.#others, join(path, 'namespaces', namespace), { recursive: true });
    return path;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/**
 * Reads a stream's topics from the log segments of a broker, by Kafka's own tool, and judges them. A record of a transaction is there once
 * its commit mark is. `folder` is the broker's.
 */
export async function judgeKafka(folder: string, namespace: string): Promise<Verdict> {
  return judgeRecords({
    partitions: PARTITIONS,
    inputs: await readTopic(folder, `${namespace}.asked.1`, PARTITIONS),
    outputs: await readTopic(folder, `${namespace}.streamed-scores.1`, PARTITIONS),
    control: await readTopic(folder, `${namespace}.stream-scored-control.1`, 1),
    keyOf: (id) => [event(Number(id.slice(1)), 0).name],
  });
}

async function readTopic(folder: string, topic: string, partitions: number): Promise<readonly FoundRecord[]> {
  const found: FoundRecord[] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    const files = globSync(`data/${topic}-${partition}/*.log`, { cwd: folder }).sort();
    const command = await kafkaTool('org.apache.kafka.tools.DumpLogSegments', [
      ...['--print-data-log', '--files', files.join()],
    ]);
    const { stdout } = await promisify(execFile)('java', [...command], { cwd: folder, maxBuffer: 2 ** 30 });
    found.push(...committedOf(stdout, partition));
  }
  return found;
}

/** Batches, each followed by its records; those of a control batch end transactions. */
export function committedOf(dump: string, partition: number): readonly FoundRecord[] {
  const committed: FoundRecord[] = [];
  const open = new Map<string, FoundRecord[]>();
  let [producer, isTransactional] = ['', false];
  for (const line of dump.split('\n')) {
    const batch = /^baseOffset: .* producerId: (-?\d+) .* isTransactional: (true|false)/.exec(line);
    if (batch !== null) [producer, isTransactional] = [batch[1], batch[2] === 'true'];
    const mark = /endTxnMarker: (COMMIT|ABORT)/.exec(line);
    if (mark !== null) {
      if (mark[1] === 'COMMIT') committed.push(...(open.get(producer) ?? []));
      open.delete(producer);
      continue;
    }
    const record = /^\| offset: (\d+) .*?(?: key: (\S*))? payload: (.*)$/.exec(line);
    if (record === null) continue;
    const found = { partition, offset: Number(record[1]), id: record[2] ?? '', payload: record[3] };
    if (!isTransactional) committed.push(found);
    else open.set(producer, [...(open.get(producer) ?? []), found]);
  }
  return committed;
}
