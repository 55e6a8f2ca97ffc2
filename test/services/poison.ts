import { Producer } from '@platformatic/kafka';
import { FORMAT } from '../../src/backends/kafka/record.ts';

/** Writes to a partition what nobody can read: of another program, and damaged ones of ours. Gives how many. */
export async function writePoison(brokers: readonly string[], topic: string, partition: number): Promise<number> {
  const producer = new Producer({ clientId: 'poison', bootstrapBrokers: [...brokers] });
  const ours = new Map([[Buffer.from(FORMAT), Buffer.from(String(Date.now()))]]);
  const values = ['hello', '{"id":"p1","at":1,"user":"ann","page":"/","ms":5,"_ingest_ts":1}', '', '[]'];
  const damaged = ['{"id":"p2","at":', '{"id":7}', 'true', '\u0000'];
  const record = (text: string) => ({ topic, partition, key: Buffer.from(text), value: Buffer.from(text) });
  await producer.send({
    acks: -1,
    messages: [
      ...values.map(record),
      ...damaged.map((text) => ({ ...record(text), headers: ours })),
      { topic, partition, key: Buffer.from('none') },
      // Of a time to come, which is not to be believed.
      { ...record('late'), timestamp: 99_999_999_999_999n },
    ],
  });
  await producer.close();
  return values.length + damaged.length + 2;
}
