package headrace;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.streaming.ValueState;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;

/** Adds what events are to a tile to the tile, and gives it as a record of its topic: topic, key, value. */
final class FoldTiles extends StatefulProcessor<Row, Row, Row> {
  private final Map<String, TileLayout> layouts;
  private final TTLConfig kept;
  private transient ValueState<byte[]> tiles;

  /** `keptMs`: how long a tile is kept after its last change; 0: for good. */
  FoldTiles(Map<String, TileLayout> layouts, long keptMs) {
    this.layouts = layouts;
    this.kept = keptMs == 0 ? TTLConfig.NONE() : new TTLConfig(Duration.ofMillis(keptMs));
  }

  @Override
  public void init(OutputMode outputMode, TimeMode timeMode) {
    tiles = getHandle().getValueState("tile", Encoders.BINARY(), kept);
  }

  @Override
  public Iterator<Row> handleInputRows(Row key, Iterator<Row> events, TimerValues timers) {
    String topic = key.getString(0);
    TileLayout layout = layouts.get(topic);
    try {
      Tile tile = tiles.exists() ? Tile.fromBytes(layout, tiles.get()) : new Tile(layout);
      while (events.hasNext()) {
        Row event = events.next();
        tile.add(event.getList(3), event.getList(4));
      }
      tiles.update(tile.toBytes());
      String of = key.getString(1);
      String record = of.substring(0, of.length() - 1) + ",\"tile_start\":" + key.getLong(2);
      Row written = RowFactory.create(topic, record + "}", record + "," + tile.toJson() + "}");
      return CollectionConverters.asScala(List.of(written).iterator());
    } catch (IOException broken) {
      throw new UncheckedIOException(broken);
    }
  }
}
