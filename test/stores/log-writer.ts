import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { logRecordAt } from '../../src/testing/contracts/event-log.ts';

// Appends and drops what is old until it is killed; prints the offset behind each acknowledged append.
const log = openEventLog({ path: process.argv[2], durability: 'process', segmentBytes: 20_000 });
void log.openTopic('t', 1);
const [{ end }] = await log.ends('t');
let next = end;
function appendSome(): void {
  for (let i = 0; i < 5; i += 1) {
    const records = Array.from({ length: 1 + (next % 13) }, (_, k) => logRecordAt(next + k));
    void log.append('t', 0, records);
    next += records.length;
    process.stdout.write(`${next}\n`);
  }
  void log.retain('t', { olderThanIngestTs: Number.NEGATIVE_INFINITY, maxBytes: 200_000, keepFrom: [next] });
  setImmediate(appendSome);
}
appendSome();
