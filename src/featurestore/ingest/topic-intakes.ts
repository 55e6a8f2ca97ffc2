import type { EventSourceData } from '../../features/define/declaration.ts';
import type { RecordFormat } from '../../ports/record-format.ts';
import type { SourceTopic } from '../../ports/source-topic.ts';
import { TopicIntake, type TopicIntakeOptions, type TopicReport } from './topic-intake.ts';

/** A topic that other services write, and the source that gets its events. */
export interface OpenableTopic {
  readonly source: EventSourceData;
  readonly format: RecordFormat;
  /** Error: LOG_CLIENT. */
  readonly open: () => Promise<SourceTopic>;
}

/** The topics that the environment names under `sources`. */
export class TopicIntakes {
  readonly #topics: readonly OpenableTopic[];
  readonly #into: Pick<TopicIntakeOptions, 'take' | 'refuse' | 'onFault'>;
  #open: readonly TopicIntake[] = [];

  constructor(topics: readonly OpenableTopic[], into: Pick<TopicIntakeOptions, 'take' | 'refuse' | 'onFault'>) {
    this.#topics = topics;
    this.#into = into;
  }

  /** Starts to take the events of every topic, until `stop`. Call it once. Error: LOG_CLIENT. */
  async start(): Promise<void> {
    for (const { source, format, open } of this.#topics) {
      const topic = await open();
      this.#open = [...this.#open, new TopicIntake({ source, format, topic, ...this.#into })];
    }
  }

  reports(): readonly TopicReport[] {
    return this.#open.map((topic) => topic.report());
  }

  async stop(): Promise<void> {
    await Promise.all(this.#open.map((topic) => topic.stop()));
  }
}
