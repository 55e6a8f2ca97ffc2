package headrace;

import static org.apache.spark.sql.functions.expr;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DateType;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.TimestampNTZType;
import org.apache.spark.sql.types.TimestampType;

/**
 * Profiles Parquet files in one scan, without a shuffle of rows: each task profiles its own, and profiles are merged.
 *
 * <pre>
 * job:  {"files": [path or pattern…], "ignore": [name…], "bins": {name: {"edges": [number…]} or {"values": [value…]}}, "path"}
 * file: path/profile, big-endian: i32 columns, and for each
 *       text name, u8 number, i64 rows, i64 missing, i64 infinite, f64 mean, f64 squares, u8 whole, 4096 registers,
 *       i32 counts (-1: none) and i64s, i32 numbers (-1: too many) and (f64, i64)s,
 *       i64 texts seen, i64 offset, i32 texts and (text, i64)s,
 *       u8 quantiles: f64 min, f64 max, i32 levels, each i32 items and f64s
 *       text = i32 bytes of UTF-8 and them
 * </pre>
 */
final class ProfileTable {
  private ProfileTable() {}

  static void write(SparkSession spark, JsonNode job) throws IOException {
    List<String> files = new ArrayList<>();
    job.get("files").forEach(file -> files.add(file.asText()));
    Dataset<Row> table = spark.read().option("mergeSchema", true).parquet(files.toArray(new String[0]));
    List<String> ignored = new ArrayList<>();
    job.get("ignore").forEach(name -> ignored.add(name.asText()));
    List<Column> columns = new ArrayList<>();
    List<Layout> layouts = new ArrayList<>();
    for (StructField field : table.schema().fields()) {
      // Times differ between any two spans: no profile has them.
      if (ignored.contains(field.name()) || isTime(field.dataType())) continue;
      columns.add(cell(field));
      layouts.add(layout(field, job.get("bins").get(field.name())));
    }
    ColumnProfile[] profile =
        table
            .select(columns.toArray(new Column[0]))
            .queryExecution()
            .toRdd()
            .toJavaRDD()
            .mapPartitions(rows -> Collections.singletonList(profiled(rows, layouts)).iterator())
            .treeReduce(ProfileTable::merged, 2);
    Path folder = Path.of(job.get("path").asText());
    Files.createDirectories(folder);
    try (DataOutputStream out = new DataOutputStream(new java.io.BufferedOutputStream(Files.newOutputStream(folder.resolve("profile"))))) {
      out.writeInt(profile.length);
      for (ColumnProfile column : profile) write(out, column);
    }
  }

  /** Bins of a column: edges, or values by their place. */
  private record Layout(String name, boolean number, double[] edges, Map<Object, Integer> values) implements java.io.Serializable {}

  private static Column cell(StructField field) {
    String name = "`" + field.name().replace("`", "``") + "`";
    DataType type = field.dataType();
    if (type instanceof NumericType) return expr("CAST(" + name + " AS DOUBLE)");
    if (type instanceof StringType || type instanceof BooleanType) return expr("CAST(" + name + " AS STRING)");
    throw new IllegalArgumentException(
        "column " + field.name() + " is " + type.simpleString() + ", whose text differs between engines: leave it out with --ignore");
  }

  private static boolean isTime(DataType type) {
    return type instanceof DateType || type instanceof TimestampType || type instanceof TimestampNTZType;
  }

  private static Layout layout(StructField field, JsonNode bins) {
    boolean number = field.dataType() instanceof NumericType;
    if (bins == null || (!number && !bins.has("values"))) return new Layout(field.name(), number, null, null);
    if (bins.has("edges")) {
      double[] edges = new double[bins.get("edges").size()];
      for (int i = 0; i < edges.length; i++) edges[i] = bins.get("edges").get(i).asDouble();
      return new Layout(field.name(), number, edges, null);
    }
    Map<Object, Integer> values = new HashMap<>();
    for (JsonNode value : bins.get("values")) values.put(number ? (Object) Double.parseDouble(value.asText()) : value.asText(), values.size());
    return new Layout(field.name(), number, null, values);
  }

  /** Hot path. */
  private static ColumnProfile[] profiled(Iterator<InternalRow> rows, List<Layout> layouts) {
    int width = layouts.size();
    ColumnProfile[] columns = new ColumnProfile[width];
    // Other chances in each task and column: errors of quantiles cancel out in the merge.
    long seed = 1_000_003L * (TaskContext.getPartitionId() + 1);
    for (int c = 0; c < width; c++) {
      Layout layout = layouts.get(c);
      columns[c] = new ColumnProfile(layout.name(), layout.number(), layout.edges(), layout.values(), seed + 7919L * c << 20);
    }
    while (rows.hasNext()) {
      InternalRow row = rows.next();
      for (int c = 0; c < width; c++) {
        ColumnProfile column = columns[c];
        if (row.isNullAt(c)) column.addMissing();
        else if (column.number) column.addNumber(row.getDouble(c));
        else column.addText(row.getUTF8String(c).toString());
      }
    }
    return columns;
  }

  private static ColumnProfile[] merged(ColumnProfile[] held, ColumnProfile[] added) {
    for (int c = 0; c < held.length; c++) held[c].merge(added[c]);
    return held;
  }

  private static void write(DataOutputStream out, ColumnProfile column) throws IOException {
    text(out, column.name);
    out.writeByte(column.number ? 1 : 0);
    out.writeLong(column.rows);
    out.writeLong(column.missing);
    out.writeLong(column.infinite);
    out.writeDouble(column.mean);
    out.writeDouble(column.squares);
    out.writeByte(column.whole ? 1 : 0);
    out.write(column.registers);
    out.writeInt(column.counts == null ? -1 : column.counts.length);
    if (column.counts != null) for (long count : column.counts) out.writeLong(count);
    out.writeInt(column.numbers == null ? -1 : column.numbers.size());
    if (column.numbers != null)
      for (Map.Entry<Double, Long> each : column.numbers.entrySet()) {
        out.writeDouble(each.getKey());
        out.writeLong(each.getValue());
      }
    out.writeLong(column.textsSeen);
    out.writeLong(column.offset);
    out.writeInt(column.texts.size());
    for (Map.Entry<String, Long> each : column.texts.entrySet()) {
      text(out, each.getKey());
      out.writeLong(each.getValue());
    }
    out.writeByte(column.number ? 1 : 0);
    if (column.number) quantiles(out, column.quantiles);
  }

  private static void quantiles(DataOutputStream out, Quantiles quantiles) throws IOException {
    quantiles.settle();
    out.writeDouble(quantiles.min);
    out.writeDouble(quantiles.max);
    out.writeInt(quantiles.levels.size());
    for (double[] level : quantiles.levels) {
      out.writeInt(level.length);
      for (double item : level) out.writeDouble(item);
    }
  }

  private static void text(DataOutputStream out, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.writeInt(bytes.length);
    out.write(bytes);
  }
}
