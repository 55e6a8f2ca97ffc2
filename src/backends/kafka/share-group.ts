import type { ShareGroup } from '../../ports/tile-shares.ts';
import { type Client, loadClient } from './client.ts';
import { kafkaFailure } from './failure.ts';
import { type GroupMember, type GroupMemberOptions, joinGroup } from './group-member.ts';

/** Divides the partitions of a topic, which stand for those of others, among the members of a consumer group. Error: LOG_CLIENT. */
export async function openShareGroup(options: GroupMemberOptions): Promise<ShareGroup> {
  return new KafkaShareGroup(await loadClient(), options);
}

/** The brokers decide who has what, and pass on the partitions of a member that is silent; nothing is committed to them. */
class KafkaShareGroup implements ShareGroup {
  readonly #client: Client;
  readonly #options: GroupMemberOptions;
  #member: GroupMember | null = null;

  constructor(client: Client, options: GroupMemberOptions) {
    this.#client = client;
    this.#options = options;
  }

  async shares(): Promise<readonly number[]> {
    const member = this.#member;
    if (member !== null) {
      const partitions = member.partitions();
      if (!member.isOut) return partitions;
      this.#member = null;
      await member.leave();
    }
    try {
      this.#member = await joinGroup(this.#client, this.#options);
    } catch (error) {
      throw kafkaFailure(error, this.#options, this.#options.topic);
    }
    return this.#member.partitions();
  }

  async close(): Promise<void> {
    await this.#member?.leave();
    this.#member = null;
  }
}
