package headrace;

import java.time.Duration;
import java.util.List;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.streaming.ValueState;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;

/** Of each id the first delivery, and of those that come together the first in the log; ids are remembered for a time. */
final class KeepFirst extends StatefulProcessor<String, Row, Row> {
  private final TTLConfig kept;
  private final int partition;
  private final int offset;
  private transient ValueState<Boolean> seen;

  /** `partition` and `offset`: which columns say where a delivery is in the log. */
  KeepFirst(Duration kept, int partition, int offset) {
    this.kept = new TTLConfig(kept);
    this.partition = partition;
    this.offset = offset;
  }

  @Override
  public void init(OutputMode outputMode, TimeMode timeMode) {
    seen = getHandle().getValueState("seen", Encoders.BOOLEAN(), kept);
  }

  @Override
  public Iterator<Row> handleInputRows(String id, Iterator<Row> deliveries, TimerValues timers) {
    Row first = null;
    while (deliveries.hasNext()) {
      Row next = deliveries.next();
      if (first == null || isBefore(next, first)) first = next;
    }
    boolean known = first == null || seen.exists();
    if (!known) seen.update(true);
    return CollectionConverters.asScala((known ? List.<Row>of() : List.of(first)).iterator());
  }

  private boolean isBefore(Row a, Row b) {
    int byPartition = Long.compare(a.getLong(partition), b.getLong(partition));
    return byPartition < 0 || (byPartition == 0 && a.getLong(offset) < b.getLong(offset));
  }
}
