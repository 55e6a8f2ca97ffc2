import { join } from 'node:path';
import type { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { parseDuration } from '../../base/time.ts';
import type { BackEndPlace, LogBackEnd, LogFact } from '../../ports/back-end.ts';
import type { BackEndRow } from '../../ports/back-end-row.ts';
import { clientOptions, type KafkaAddress, loadClient } from './client.ts';
import { openKafkaLog } from './event-log.ts';
import { isAnswer, kafkaFailure } from './failure.ts';
import { javaClient } from './java-client.ts';
import { kafkaLogOptions } from './options.ts';
import { FORMAT } from './record.ts';
import { openKafkaLanes } from './stream-lanes.ts';
import { topicName } from './topic-name.ts';
import { openTopicReader } from './topic-reader.ts';

export type KafkaOptions = z.output<typeof kafkaLogOptions>;

/**
 * The address of the brokers that an option of an environment names, with secrets and files read. Errors: CONFIG_SECRET,
 * CONFIG_TLS.
 */
export function kafkaAddress(
  { brokers, timeout, sasl, tls }: Pick<KafkaOptions, 'brokers' | 'timeout' | 'sasl' | 'tls'>,
  { secretOf, pemOf }: Pick<BackEndPlace, 'secretOf' | 'pemOf'>,
  option: string,
): KafkaAddress {
  return {
    brokers,
    timeoutMs: parseDuration(timeout, `${option}.timeout`),
    ...(sasl === undefined ? {} : { sasl: { ...sasl, password: secretOf(sasl.password, `${option}.sasl.password`) } }),
    ...(tls === undefined ? {} : { tls: pemOf(tls) }),
  };
}

export const kafkaLog: BackEndRow<KafkaOptions, BackEndPlace, LogBackEnd, LogFact> = {
  kind: 'kafka',
  folder: 'kafka',
  is: 'topics of Kafka',
  options: kafkaLogOptions,
  facts: ['engines', 'lanes'],
  open: logOn,
};

function logOn(options: KafkaOptions, place: BackEndPlace): LogBackEnd {
  const { directory, namespace } = place;
  const { brokers, replicas } = options;
  const prefix = `${namespace}.`;
  const address = () => kafkaAddress(options, place, 'log');
  const open = () => openKafkaLog({ ...address(), replicas, prefix });
  return {
    kind: 'kafka',
    addresses: brokers,
    lacks: ['oneWriter', 'blank', 'beginAt', 'heads'],
    open: () => {
      // The stores of the directory know events by their places in that log: in another they would name other events.
      if (place.hasEventsHere()) throw fail('LOG_ELSEWHERE', { directory: join(directory) });
      return open();
    },
    openSmall: open,
    clear: async (namesOf) => {
      await dropTopics(address(), namesOf('.'));
    },
    forEngines: {
      addresses: brokers,
      mark: FORMAT,
      prefix,
      topicName: (topic) => topicName(prefix, topic),
      client: (packages) => javaClient(address(), packages),
      readTopics: (topics, partitions) =>
        openTopicReader({ ...address(), replicas, clientId: `${prefix}tiles`, topics, partitions }),
    },
    openLanes: () => openKafkaLanes({ ...address(), replicas, prefix, member: place.memberId() }),
  };
}

/** Removes every topic that begins with a text, and every group of readers. Errors: LOG_*. */
async function dropTopics(address: KafkaAddress, beginning: string): Promise<number> {
  const { Admin } = await loadClient();
  const admin = new Admin(clientOptions(address, `${beginning}drop`));
  try {
    const topics = (await admin.listTopics()).filter((name) => name.startsWith(beginning));
    if (topics.length > 0) await admin.deleteTopics({ topics });
    const groups = [...(await admin.listGroups()).keys()].filter((id) => id.startsWith(beginning));
    if (groups.length > 0)
      await admin.deleteGroups({ groups }).catch((error: unknown) => {
        // Brokers drop a group by themselves when its topics are gone.
        if (!isAnswer(error, 'GROUP_ID_NOT_FOUND')) throw error;
      });
    return topics.length;
  } catch (error) {
    throw kafkaFailure(error, address, beginning);
  } finally {
    await admin.close();
  }
}
