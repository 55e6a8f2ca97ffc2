package headrace;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Scores the rows of a Parquet file by an ONNX model inside the executors.
 *
 * <pre>
 * job:   {"input": path, "partitionRows", "partitions": [index…] to score, "features": [name…], "keep": [name…], "model": path,
 *         "version", "digest", "job", "path"}, and the members of {@link ScoreModel}
 * files: path/rows/slice_=<partition>/*.parquet    _row, the kept columns, score, model_version, artifact_digest, job_id, in order
 *        path/rejected/*.parquet                   _row, code, reason, features: array of double
 * </pre>
 */
public final class ScoreRows {
  static final String ROW = "_row";
  static final String FEATURES = "features_";
  static final String CELLS = "cells_";
  static final String SCORE = "score";
  static final String CODE = "code_";
  static final String REASON = "reason_";
  private static final String SLICE = "slice_";

  private static final Pattern PLACE = Pattern.compile("^(.+)\\[(\\d+)\\]$");

  private ScoreRows() {}

  /** Writes the rows and the rejected rows of a job. */
  public static void write(SparkSession spark, JsonNode job) throws IOException {
    String path = job.get("path").asText();
    Dataset<Row> scored = scored(spark, job);
    // Read twice, and a model may take long.
    scored.write().parquet(path + "/scored");
    Dataset<Row> kept = spark.read().schema(scored.schema()).parquet(Runner.asPattern(path + "/scored"));
    List<Column> columns = new ArrayList<>(List.of(col(ROW)));
    job.get("keep").forEach(name -> columns.add(col(quoted(name.asText()))));
    columns.add(col(SCORE));
    columns.add(lit(job.get("version").asInt()).as("model_version"));
    columns.add(lit(job.get("digest").asText()).as("artifact_digest"));
    columns.add(lit(job.get("job").asText()).as("job_id"));
    columns.add(functions.floor(col(ROW).divide(job.get("partitionRows").asLong())).cast("int").as(SLICE));
    kept.filter(col(CODE).isNull())
        .select(columns.toArray(new Column[0]))
        .repartition(col(SLICE))
        .sortWithinPartitions(SLICE, ROW)
        .write()
        .partitionBy(SLICE)
        .parquet(path + "/rows");
    kept.filter(col(CODE).isNotNull())
        .select(col(ROW), col(CODE).as("code"), col(REASON).as("reason"), col(FEATURES).as("features"))
        .coalesce(1)
        .write()
        .parquet(path + "/rejected");
  }

  private static Dataset<Row> scored(SparkSession spark, JsonNode job) throws IOException {
    Dataset<Row> file = spark.read().parquet(Runner.asPattern(job.get("input").asText()));
    List<Column> columns = new ArrayList<>(List.of(col("_metadata.row_index").as(ROW)));
    job.get("keep").forEach(name -> columns.add(file.col(quoted(name.asText()))));
    List<Column> cells = new ArrayList<>();
    for (JsonNode name : job.get("features")) cells.add(cellOf(file.schema(), name.asText()).as("c" + cells.size()));
    columns.add(functions.struct(cells.toArray(new Column[0])).as(CELLS));
    List<Integer> partitions = new ArrayList<>();
    job.get("partitions").forEach(index -> partitions.add(index.asInt()));
    Dataset<Row> rows =
        file.select(columns.toArray(new Column[0]))
            .filter(functions.floor(col(ROW).divide(job.get("partitionRows").asLong())).isin(partitions.toArray()));
    int place = rows.schema().fieldIndex(CELLS);
    StructType out =
        new StructType(java.util.Arrays.copyOf(rows.schema().fields(), place))
            .add(FEATURES, DataTypes.createArrayType(DataTypes.DoubleType))
            .add(SCORE, DataTypes.DoubleType).add(CODE, DataTypes.StringType).add(REASON, DataTypes.StringType);
    byte[] model = Files.readAllBytes(Path.of(job.get("model").asText()));
    ScoreBatches scorer =
        new ScoreBatches(
            JavaSparkContext.fromSparkContext(spark.sparkContext()).broadcast(model),
            new ScoreModel(job),
            place);
    return rows.mapPartitions(scorer, Encoders.row(out));
  }

  static String quoted(String name) {
    return "`" + name.replace("`", "``") + "`";
  }

  /** The cell of a feature, as it is: {@link ScoreCell} makes its number. */
  private static Column cellOf(StructType schema, String name) {
    StructField whole = fieldOf(schema, name);
    if (whole != null) return readable(name, col(quoted(name)), whole.dataType());
    Matcher place = PLACE.matcher(name);
    StructField list = place.matches() ? fieldOf(schema, place.group(1)) : null;
    if (list == null || !(list.dataType() instanceof ArrayType array))
      throw new IllegalArgumentException("the input has no column " + name);
    Column item = functions.get(col(quoted(place.group(1))), lit(Integer.parseInt(place.group(2))));
    return readable(name, item, array.elementType());
  }

  private static StructField fieldOf(StructType schema, String name) {
    for (StructField field : schema.fields()) if (field.name().equals(name)) return field;
    return null;
  }

  private static Column readable(String name, Column cell, DataType type) {
    if (type instanceof NumericType || type instanceof BooleanType || type instanceof StringType) return cell;
    throw new IllegalArgumentException("column " + name + " is of type " + type.simpleString() + ", which no model reads");
  }
}
