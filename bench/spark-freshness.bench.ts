import { kafka } from '../scripts/services/kafka.ts';
import { spark } from '../scripts/services/spark.ts';
import { eventToServable, timesText } from './event-to-servable.ts';
import { printFigure } from './figure.ts';
import { quantile } from './measure.ts';
import { withServices } from './services.ts';
import { scratchDirectory } from './shop.ts';

/**
 * From an event's being due to its being in what is answered, while 1,000 events a second come in, tiles by Spark: event, Kafka, Spark,
 * Kafka, store; in batches, one a second, and event by event. The process that writes answers, tiles in its directory. All on the same
 * cores: broker, driver, both ends.
 */
const EVENTS = 5;

await withServices([kafka, spark], async (told) => {
  for (const [mode, checkpoint, how] of [
    ['microBatch', '1s', 'a batch a second'],
    ['realTime', '5s', 'event by event'],
  ] as const) {
    const times = await eventToServable({
      environment: {
        directory: scratchDirectory(),
        namespace: `bench${Date.now()}`,
        partitions: 2,
        sampleRate: 0,
        log: { kind: 'kafka', brokers: [told['KAFKA_BROKERS']] },
        engine: {
          kind: 'spark',
          home: told['SPARK_HOME'],
          master: 'local[8]',
          jars: told['SPARK_KAFKA_JARS'].split(','),
          conf: { 'spark.driver.memory': '1g' },
          ...{ mode, checkpoint },
        },
      },
      events: EVENTS,
      byReader: false,
    });
    console.log(`${how}: ${timesText(times)}`);
    printFigure({
      name: `event to servable by Kafka and Spark, p99, at 1,000 events/s, open loop, everything on the same cores: ${how}`,
      unit: 'ms',
      value: quantile(times, 0.99),
      yardstick: 'its median',
      yardstickValue: quantile(times, 0.5),
      aim: null,
    });
  }
});
