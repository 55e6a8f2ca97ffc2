package headrace;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.spark.SparkThrowable;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerStageCompleted;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.StructType;

/**
 * Runs jobs of SQL over Parquet files: one JSON job a line on the standard input, JSON lines on the standard output, until the
 * input ends. Anybody who started it is gone then, whatever is running: it ends at once.
 *
 * <pre>
 * job:    {"tables": [{"name", "columns": [[name, type]…], "parts": [{"columns": [[name, type]…], "files": [path…]}…]}…],
 *          "outputs": [{"name", "steps": [{"name", "sql", "path": or null}…], "sql", "path",
 *                       "sliced": whether its last column is the number of a slice}…],
 *          "scores": left out, or rows to score as ScoreRows has them,
 *          "profile": left out, or files to profile as ProfileTable has them}
 * lines:  {"headrace": "started", "spark": version, "application": id}
 *         {"headrace": "progress", "stages": done, "rows": read}
 *         {"headrace": "executorLost", "executor": id, "reason"}
 *         {"headrace": "written", "name", "files": [{"path": below the output's, "bytes", "sha256"}…]}
 *         {"headrace": "done"}
 *         {"headrace": "failed", "name": of the output or table, "step": or null, "condition", "sqlState", "message", "cause"}
 * </pre>
 *
 * Steps are views for those after them and for their output; one with a path is written there and read from there.
 * After "done" or "failed" the next job is taken.
 */
public final class Runner {
  private static final ObjectMapper JSON = new ObjectMapper();
  /** Between two lines of progress, ns. */
  private static final long PROGRESS_NS = 500_000_000L;

  private static final long END_MS = 10_000L;

  private final SparkSession spark;
  private final PrintStream out;
  private long stages;
  private long rows;
  private long toldAt;

  private Runner(SparkSession spark, PrintStream out) {
    this.spark = spark;
    this.out = out;
  }

  public static void main(String[] arguments) throws Exception {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    // Everything else that is printed is no line of this program.
    System.setOut(System.err);
    BlockingQueue<String> jobs = jobsFrom(System.in);
    Runner runner = new Runner(SparkSession.builder().getOrCreate(), out);
    runner.listen();
    runner.say(
        line("started").put("spark", runner.spark.version()).put("application", runner.spark.sparkContext().applicationId()));
    for (; ; ) runner.run(JSON.readTree(jobs.take()));
  }

  /** Lines as they come. The end of the input ends the process, during a job too. */
  private static BlockingQueue<String> jobsFrom(InputStream input) {
    BlockingQueue<String> jobs = new LinkedBlockingQueue<>();
    Thread reader =
        new Thread(
            () -> {
              try (BufferedReader lines = new BufferedReader(new InputStreamReader(input, StandardCharsets.UTF_8))) {
                for (String next = lines.readLine(); next != null; next = lines.readLine()) jobs.add(next);
              } catch (IOException broken) {
                // As its end.
              }
              System.exit(0);
            },
            "jobs");
    reader.setDaemon(true);
    reader.start();
    return jobs;
  }

  private void run(JsonNode job) {
    String name = "";
    String step = null;
    List<String> views = new ArrayList<>();
    try {
      for (JsonNode table : job.get("tables")) {
        name = table.get("name").asText();
        view(table).createOrReplaceTempView(name);
        views.add(name);
      }
      for (JsonNode output : job.get("outputs")) {
        name = output.get("name").asText();
        for (JsonNode each : output.get("steps")) {
          step = each.get("name").asText();
          step(each).createOrReplaceTempView(step);
          views.add(step);
        }
        step = null;
        write(output);
        written(name, output.get("path").asText());
      }
      if (job.has("scores")) {
        name = "scores";
        JsonNode scores = job.get("scores");
        // Compiled only with the jar of ONNX Runtime.
        Class.forName("headrace.ScoreRows").getMethod("write", SparkSession.class, JsonNode.class).invoke(null, spark, scores);
        for (String each : List.of("rows", "rejected")) written(each, scores.get("path").asText() + "/" + each);
      }
      if (job.has("profile")) {
        name = "profile";
        ProfileTable.write(spark, job.get("profile"));
      }
      say(line("done"));
    } catch (OutOfMemoryError full) {
      // As Spark's own processes do.
      Runtime.getRuntime().halt(52);
    } catch (Throwable error) {
      if (spark.sparkContext().isStopped()) awaitEnd();
      say(failure(name, step, error));
    } finally {
      for (String view : views) spark.catalog().dropTempView(view);
    }
  }

  /** Whatever stopped Spark is about to end the process too, and its exit code says more than the job that it took along. */
  private static void awaitEnd() {
    try {
      Thread.sleep(END_MS);
    } catch (InterruptedException woken) {
      Thread.currentThread().interrupt();
    }
  }

  /** Files written under other columns than the table's read as null there, or as the same number. */
  private Dataset<Row> view(JsonNode table) {
    StructType wanted = typeOf(table.get("columns"));
    Dataset<Row> all = null;
    for (JsonNode part : table.get("parts")) {
      StructType own = typeOf(part.get("columns"));
      List<String> files = new ArrayList<>();
      part.get("files").forEach(file -> files.add(asPattern(file.asText())));
      Dataset<Row> read = spark.read().schema(own).parquet(files.toArray(new String[0]));
      Column[] columns = new Column[wanted.length()];
      for (int i = 0; i < columns.length; i++) {
        String column = wanted.fields()[i].name();
        Column value = List.of(own.fieldNames()).contains(column) ? read.col("`" + column + "`") : functions.lit(null);
        columns[i] = value.cast(wanted.fields()[i].dataType()).as(column);
      }
      Dataset<Row> selected = read.select(columns);
      all = all == null ? selected : all.unionAll(selected);
    }
    return all == null ? spark.createDataFrame(List.<Row>of(), wanted) : all;
  }

  /** Paths to read are patterns: in this one every character stands for itself. */
  static String asPattern(String path) {
    return path.replaceAll("[\\[\\]{}*?,\\\\]", "\\\\$0");
  }

  private static StructType typeOf(JsonNode columns) {
    StringBuilder ddl = new StringBuilder();
    for (JsonNode column : columns) {
      if (ddl.length() > 0) ddl.append(", ");
      ddl.append('`').append(column.get(0).asText()).append("` ").append(column.get(1).asText());
    }
    return StructType.fromDDL(ddl.toString());
  }

  private Dataset<Row> step(JsonNode step) {
    Dataset<Row> rows = spark.sql(step.get("sql").asText());
    if (step.get("path").isNull()) return rows;
    String path = step.get("path").asText();
    rows.write().parquet(path);
    return spark.read().schema(rows.schema()).parquet(asPattern(path));
  }

  private void write(JsonNode output) {
    Dataset<Row> rows = spark.sql(output.get("sql").asText());
    String path = output.get("path").asText();
    if (!output.get("sliced").asBoolean()) {
      rows.write().parquet(path);
      return;
    }
    String slice = rows.columns()[rows.columns().length - 1];
    rows.repartition(rows.col(slice)).write().partitionBy(slice).parquet(path);
  }

  private void written(String name, String path) throws IOException, NoSuchAlgorithmException {
    Path folder = new Path(path);
    FileSystem files = folder.getFileSystem(spark.sparkContext().hadoopConfiguration());
    ObjectNode line = line("written").put("name", name);
    ArrayNode list = line.putArray("files");
    for (RemoteIterator<LocatedFileStatus> all = files.listFiles(folder, true); all.hasNext(); ) {
      LocatedFileStatus file = all.next();
      String below = file.getPath().toUri().getPath().substring(folder.toUri().getPath().length() + 1);
      if (!below.endsWith(".parquet")) continue;
      list.addObject().put("path", below).put("bytes", file.getLen()).put("sha256", sha256(files, file.getPath()));
    }
    say(line);
  }

  private static String sha256(FileSystem files, Path path) throws IOException, NoSuchAlgorithmException {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    byte[] chunk = new byte[1 << 16];
    try (InputStream input = files.open(path)) {
      for (int length = input.read(chunk); length >= 0; length = input.read(chunk)) digest.update(chunk, 0, length);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private void listen() {
    spark
        .sparkContext()
        .addSparkListener(
            new SparkListener() {
              @Override
              public void onStageCompleted(SparkListenerStageCompleted stage) {
                stages++;
                tell();
              }

              @Override
              public void onTaskEnd(SparkListenerTaskEnd task) {
                if (task.taskMetrics() != null) rows += task.taskMetrics().inputMetrics().recordsRead();
                tell();
              }

              @Override
              public void onExecutorRemoved(SparkListenerExecutorRemoved lost) {
                say(line("executorLost").put("executor", lost.executorId()).put("reason", lost.reason()));
              }
            });
  }

  private void tell() {
    long now = System.nanoTime();
    if (now - toldAt < PROGRESS_NS) return;
    toldAt = now;
    say(line("progress").put("stages", stages).put("rows", rows));
  }

  /** All that went wrong: the innermost condition that Spark knows, and the innermost cause of all. */
  private static ObjectNode failure(String name, String step, Throwable error) {
    SparkThrowable known = null;
    Throwable last = error;
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof SparkThrowable one && one.getCondition() != null) known = one;
      last = cause;
    }
    String told = known instanceof Throwable ? ((Throwable) known).getMessage() : error.getMessage();
    return line("failed")
        .put("name", name)
        .put("step", step)
        .put("condition", known == null ? null : known.getCondition())
        .put("sqlState", known == null ? null : known.getSqlState())
        .put("message", told == null ? error.getClass().getName() : told)
        .put("cause", last.getClass().getName() + ": " + last.getMessage());
  }

  private static ObjectNode line(String kind) {
    return JSON.createObjectNode().put("headrace", kind);
  }

  private synchronized void say(ObjectNode line) {
    out.println(line);
  }
}
