package headrace;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.when;

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
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.DoubleType;
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
 *        path/rejected/*.parquet                   _row, code, reason, features: array of float
 * </pre>
 */
public final class ScoreRows {
  static final String ROW = "_row";
  static final String FEATURES = "features_";
  static final String FAULT = "fault_";
  static final String SCORE = "score";
  static final String CODE = "code_";
  static final String REASON = "reason_";
  private static final String SLICE = "slice_";

  private static final String DIGITS = "[0-9]+(_[0-9]+)*";
  private static final String SPECIAL = "[nN][aA][nN]|[iI][nN][fF]([iI][nN][iI][tT][yY])?";

  /** A text that DuckDB, which worker processes read by, takes for a number. */
  private static final String NUMBER =
      "^[ \\t-\\r]*(-|[+]-?)?(((" + DIGITS + ")[.]?(" + DIGITS + ")?|[.]" + DIGITS + ")([eE][-+]?" + DIGITS + ")?|" + SPECIAL + ")[ \\t-\\r]*$";

  private static final String SPACES = " \t\n\u000b\f\r";

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
    // One list, not one in another: Spark's search for equal expressions takes twice as long for each level.
    List<Column> faults = new ArrayList<>(List.of(lit(null).cast("string")));
    for (JsonNode name : job.get("features")) {
      Cell cell = Cell.of(file.schema(), name.asText(), cells.size());
      cells.add(functions.coalesce(cell.number, lit(Float.NaN)));
      faults.add(cell.fault);
    }
    columns.add(functions.array(cells.toArray(new Column[0])).as(FEATURES));
    columns.add(functions.coalesce(faults.toArray(new Column[0])).as(FAULT));
    List<Integer> partitions = new ArrayList<>();
    job.get("partitions").forEach(index -> partitions.add(index.asInt()));
    Dataset<Row> rows =
        file.select(columns.toArray(new Column[0]))
            .filter(functions.floor(col(ROW).divide(job.get("partitionRows").asLong())).isin(partitions.toArray()));
    StructType out = rows.schema().add(SCORE, DataTypes.DoubleType).add(CODE, DataTypes.StringType).add(REASON, DataTypes.StringType);
    byte[] model = Files.readAllBytes(Path.of(job.get("model").asText()));
    ScoreBatches scorer =
        new ScoreBatches(
            JavaSparkContext.fromSparkContext(spark.sparkContext()).broadcast(model),
            new ScoreModel(job),
            rows.schema().fieldIndex(FEATURES),
            rows.schema().fieldIndex(FAULT));
    return rows.mapPartitions(scorer, Encoders.row(out));
  }

  static String quoted(String name) {
    return "`" + name.replace("`", "``") + "`";
  }

  /** A feature: its number, null where the cell is, and the reason why a cell is none. */
  private record Cell(Column number, Column fault) {
    static Cell of(StructType schema, String name, int at) {
      Matcher place = PLACE.matcher(name);
      StructField whole = fieldOf(schema, name);
      if (whole != null) return of(name, at, col(quoted(name)), whole.dataType());
      if (!place.matches()) throw new IllegalArgumentException("the input has no column " + name);
      StructField list = fieldOf(schema, place.group(1));
      if (list == null || !(list.dataType() instanceof ArrayType array))
        throw new IllegalArgumentException("the input has no column " + name);
      Column item = functions.get(col(quoted(place.group(1))), lit(Integer.parseInt(place.group(2))));
      return of(name, at, item, array.elementType());
    }

    private static StructField fieldOf(StructType schema, String name) {
      for (StructField field : schema.fields()) if (field.name().equals(name)) return field;
      return null;
    }

    private static Cell of(String name, int at, Column value, DataType type) {
      Column none = lit(null).cast("string");
      if (type instanceof StringType) return text(at, value);
      if (type instanceof DoubleType || type instanceof DecimalType) {
        Column number = value.cast("float");
        Column isBad = isInfinite(number).and(functions.not(isInfinite(value.cast("double"))));
        Column bad = functions.coalesce(isBad, lit(false));
        return new Cell(when(functions.not(bad), number), fault(bad, value, at + "n "));
      }
      if (type instanceof NumericType || type instanceof BooleanType) return new Cell(value.cast("float"), none);
      throw new IllegalArgumentException("column " + name + " is of type " + type.simpleString() + ", which no model reads");
    }

    /** Spark reads a NaN without a sign alone, and no digits with underscores. */
    private static Cell text(int at, Column value) {
      Column trimmed = functions.trim(value, SPACES);
      Column plain = functions.replace(functions.replace(trimmed, lit("_"), lit("")), lit("+-"), lit("-"));
      Column parsed = when(functions.lower(plain).like("%nan"), lit(Float.NaN)).otherwise(plain.cast("float"));
      Column number = when(value.rlike(NUMBER), parsed);
      Column tooLarge = isInfinite(number).and(functions.not(functions.contains(functions.lower(value), lit("inf"))));
      Column bad = functions.coalesce(value.isNotNull().and(number.isNull().or(tooLarge)), lit(false));
      return new Cell(number, fault(bad, value, at + "t "));
    }

    /** The cell after its feature's place: the process that commits the job says why. */
    private static Column fault(Column bad, Column value, String place) {
      return when(bad, functions.concat(lit(place), functions.substring(value.cast("string"), 1, 60)));
    }

    private static Column isInfinite(Column number) {
      return functions.abs(number.cast("double")).equalTo(lit(Double.POSITIVE_INFINITY));
    }
  }
}
