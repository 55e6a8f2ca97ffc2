package headrace;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.DataStreamReader;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.Trigger;
import org.apache.spark.sql.types.StructType;

/** The tiles of a source's views: records, their first deliveries, what these are to tiles, and the tiles as records. */
final class TileQuery {
  private static final StructType KEY =
      new StructType().add("topic", "string").add("key", "string").add("start", "long");
  private static final StructType RECORD =
      new StructType().add("topic", "string").add("key", "string").add("value", "string");
  /** Events of one batch at most: what is behind is caught up in steps that a failure does not lose. */
  private static final long BATCH = 200_000;

  private final SparkSession spark;
  private final JsonNode job;
  private final JsonNode query;

  TileQuery(SparkSession spark, JsonNode job, JsonNode query) {
    this.spark = spark;
    this.job = job;
    this.query = query;
  }

  String name() {
    return query.get("name").asText();
  }

  StreamingQuery start() throws Exception {
    boolean realTime = job.get("realTime").asBoolean();
    long everyMs = job.get("everyMs").asLong();
    return tiles(firstDeliveries(records(realTime)))
        .writeStream()
        .queryName(name())
        .format("kafka")
        .options(options(job.get("kafka"), "kafka."))
        .option("kafka.max.request.size", "33554432")
        .option("checkpointLocation", checkpoint().toUri().toString())
        .outputMode(OutputMode.Update())
        .trigger(realTime ? Trigger.RealTime(everyMs) : Trigger.ProcessingTime(everyMs))
        .start();
  }

  private Dataset<Row> records(boolean realTime) {
    DataStreamReader reader =
        spark
            .readStream()
            .format("kafka")
            .options(options(job.get("kafka"), "kafka."))
            .option("kafka.isolation.level", "read_committed")
            .option("subscribe", query.get("topic").asText())
            .option("startingOffsets", "earliest")
            .option("includeHeaders", "true");
    return (realTime ? reader : reader.option("maxOffsetsPerTrigger", BATCH)).load();
  }

  private Dataset<Row> firstDeliveries(Dataset<Row> records) {
    records.createOrReplaceTempView("records");
    Dataset<Row> rows = spark.sql(query.get("rows").asText());
    StructType type = rows.schema();
    int id = type.fieldIndex(query.get("id").asText());
    KeepFirst keepFirst =
        new KeepFirst(
            Duration.ofMillis(query.get("keptMs").asLong()), type.fieldIndex("_partition"), type.fieldIndex("_offset"));
    return rows.groupByKey((MapFunction<Row, String>) row -> row.getString(id), Encoders.STRING())
        .transformWithState(keepFirst, TimeMode.ProcessingTime(), OutputMode.Update(), Encoders.row(type));
  }

  private Dataset<Row> tiles(Dataset<Row> deliveries) {
    deliveries.createOrReplaceTempView(query.get("relation").asText());
    Map<String, TileLayout> layouts = new HashMap<>();
    query
        .get("topics")
        .fields()
        .forEachRemaining(topic -> layouts.put(topic.getKey(), TileLayout.of(topic.getValue())));
    long keptMs = query.get("tilesKeptMs").asLong();
    TimeMode time = keptMs == 0 ? TimeMode.None() : TimeMode.ProcessingTime();
    return spark
        .sql(query.get("increments").asText())
        .groupByKey(
            (MapFunction<Row, Row>) row -> RowFactory.create(row.getString(0), row.getString(1), row.getLong(2)),
            Encoders.row(KEY))
        .transformWithState(new FoldTiles(layouts, keptMs), time, OutputMode.Update(), Encoders.row(RECORD));
  }

  private Path checkpoint() {
    return Path.of(job.get("folder").asText(), "checkpoint", name());
  }

  /** All that the last batch that was done had read, as Spark noted it; null before the first. */
  String doneOffsets() throws IOException {
    Path commits = checkpoint().resolve("commits");
    if (!Files.isDirectory(commits)) return null;
    try (Stream<Path> all = Files.list(commits)) {
      long last =
          all.map(path -> path.getFileName().toString())
              .filter(name -> name.matches("\\d+"))
              .mapToLong(Long::parseLong)
              .max()
              .orElse(-1);
      Path offsets = checkpoint().resolve("offsets").resolve(Long.toString(last));
      if (!Files.exists(offsets)) return null;
      // A version, what holds for the batch, and a line for each source.
      List<String> lines = Files.readAllLines(offsets);
      return lines.get(lines.size() - 1);
    }
  }

  /** Settings of Kafka's client under their names. */
  static Map<String, String> options(JsonNode settings, String prefix) {
    Map<String, String> all = new HashMap<>();
    settings.fields().forEachRemaining(one -> all.put(prefix + one.getKey(), one.getValue().asText()));
    return all;
  }
}
