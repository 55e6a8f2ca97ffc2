import { clientOptions, type KafkaAddress, loadClient } from './client.ts';
import { isAnswer, kafkaFailure } from './failure.ts';

/** Removes every topic that begins with a text, and every group of readers. Errors: LOG_*. */
export async function dropTopics(address: KafkaAddress, beginning: string): Promise<number> {
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
