import { randomUUID } from 'node:crypto';
import { Admin, Consumer, Producer } from '@platformatic/kafka';
import { FORMAT } from '../../src/backends/kafka/record.ts';
import type { EventSourceData, ProjectData, StreamViewData } from '../../src/features/define/declaration.ts';
import { type TileLayout, tileLayout } from '../../src/features/tile/tile-layout.ts';
import { emptyRun, type TileRun } from '../../src/features/tile/tile-run.ts';
import { type UpsertOutcome, upsertTile } from '../../src/features/tile/upsert.ts';
import { sourceRows } from '../../src/featurestore/ingest/source-rows.ts';
import { tileReader } from '../../src/featurestore/materialise/tile-record.ts';
import type { TileWrite } from '../../src/ports/online-store.ts';
import type { LoggedDelivery } from '../sql/duckdb.ts';
import { runTables, type Tables } from '../sql/tables-of.ts';
import { addressOf } from './addresses.ts';

const rowsOf = sourceRows({}, 'json');

/** What an engine is asked to make. */
export interface SiteJob {
  readonly project: ProjectData;
  readonly mark: string;
  readonly group: string;
  readonly eventTopic: () => string;
  readonly tileTopic: (view: StreamViewData, hopMs: number) => string;
  readonly generation: number;
}

/** Views over one source whose events are in Kafka, whose tiles an engine makes, and which are read here by the versioned write. */
export abstract class EngineSite {
  readonly views: readonly StreamViewData[];
  readonly outcomes: Record<UpsertOutcome, number> = { applied: 0, duplicate: 0, stale: 0, conflict: 0 };
  readonly #source: EventSourceData;
  readonly #prefix = `engine-${randomUUID().slice(0, 8)}.`;
  readonly #base = { clientId: 'test', bootstrapBrokers: [...addressOf('KAFKA_BROKERS')] };
  readonly #producer = new Producer({ ...this.#base, idempotent: true, acks: -1 });
  readonly #consumer = new Consumer({ ...this.#base, groupId: `${this.#prefix}reader`, maxWaitTime: 100 });
  readonly #tiles = new Map<TileLayout, Map<string, readonly TileRun[]>>();
  #reading: Promise<void> = Promise.resolve();

  constructor(views: readonly StreamViewData[]) {
    this.views = views;
    this.#source = views[0].source;
    for (const view of views) this.#tiles.set(tileLayout(view), new Map());
  }

  /** Makes the topics, starts the job and reads what it writes. */
  async open(partitions: number): Promise<void> {
    const admin = new Admin(this.#base);
    const tileTopics = this.views.flatMap((view) => view.hopsMs.map((hopMs) => this.#tileTopic(view, hopMs)));
    await admin.createTopics({ topics: [this.#eventTopic], partitions, replicas: 1, configs: EVENTS });
    await admin.createTopics({ topics: tileTopics, partitions: 2, replicas: 1, configs: TILES });
    await admin.close();
    await this.#start();
    const stream = await this.#consumer.consume({ topics: tileTopics, mode: 'earliest', autocommit: false });
    const readers = new Map(
      [...this.#tiles.keys()].flatMap((layout) =>
        layout.view.hopsMs.map((hopMs) => {
          const topic = this.#tileTopic(layout.view, hopMs);
          return [topic, tileReader(layout, hopMs, topic)] as const;
        }),
      ),
    );
    this.#reading = (async () => {
      for await (const { topic, value } of stream) {
        const read = readers.get(topic);
        if (read !== undefined) this.#take(read(value));
      }
    })();
  }

  async send(deliveries: readonly LoggedDelivery[]): Promise<void> {
    const { encode } = rowsOf(this.#source);
    for (let from = 0; from < deliveries.length; from += 2_000)
      await this.#producer.send({
        messages: deliveries.slice(from, from + 2_000).map(({ id, partition, row, ingestTs }) => ({
          topic: this.#eventTopic,
          partition,
          key: Buffer.from(id),
          value: Buffer.from(encode(row, ingestTs)),
          headers: new Map([[Buffer.from(FORMAT), Buffer.from('0')]]),
        })),
      });
  }

  /** The tiles of a view at its first hop by now, by key. */
  runs(view: StreamViewData): ReadonlyMap<string, TileRun> {
    const keys = [...this.#tiles].find(([layout]) => layout.view === view)?.[1] ?? new Map<string, TileRun[]>();
    return new Map([...keys].map(([key, [run]]) => [key, run]));
  }

  /** All tiles of a view by now. */
  *tiles(view: StreamViewData): Generator<TileWrite> {
    for (const [layout, keys] of this.#tiles)
      if (layout.view === view)
        for (const [key, runs] of keys)
          for (const [hop, run] of runs.entries())
            for (let index = 0; index < run.length; index += 1)
              yield { layout, hopMs: view.hopsMs[hop], key, run, index };
  }

  /** What the views' tiles are by now, as tables. */
  tables(): Tables {
    return Object.assign({}, ...[...this.#tiles].map(([{ view }, keys]) => runTables(view, keys)));
  }

  async end(): Promise<void> {
    await this.finish();
    await this.#consumer.close(true);
    await this.#reading;
    await this.#producer.close();
  }

  /** Starts the engine. */
  protected abstract begin(job: SiteJob): Promise<void>;

  /** Ends what of the engine is this site's. */
  protected abstract finish(): Promise<void>;

  async #start(): Promise<void> {
    const project: ProjectData = {
      kind: 'project',
      name: 'site',
      sources: [this.#source],
      views: this.views,
      services: [],
      models: [],
    };
    await this.begin({
      project,
      mark: FORMAT,
      group: `${this.#prefix}job`,
      eventTopic: () => this.#eventTopic,
      tileTopic: (view, hopMs) => this.#tileTopic(view, hopMs),
      generation: 0,
    });
  }

  #take({ layout, hopMs, key, run, index }: ReturnType<ReturnType<typeof tileReader>>): void {
    const keys = this.#tiles.get(layout);
    const runs = keys?.get(key) ?? layout.view.hopsMs.map(() => emptyRun(layout));
    keys?.set(key, runs);
    this.outcomes[upsertTile(layout, runs[layout.view.hopsMs.indexOf(hopMs)], run, index)] += 1;
  }

  get #eventTopic(): string {
    return `${this.#prefix}${this.#source.name}.1`;
  }

  #tileTopic({ name }: StreamViewData, hopMs: number): string {
    return `${this.#prefix}tiles.${name}.${hopMs}`;
  }
}

const EVENTS = [
  { name: 'retention.ms', value: '-1' },
  { name: 'message.timestamp.after.max.ms', value: '9223372036854775807' },
];
const TILES = [{ name: 'cleanup.policy', value: 'compact' }];
