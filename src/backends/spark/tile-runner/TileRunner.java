package headrace;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.SparkThrowable;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.StreamingQueryListener;

/**
 * Makes tiles of events until it is asked to end: one streaming query for each source, from Kafka to Kafka. The job comes as one
 * JSON text on the standard input; how it stands is in a file that is written again every second, whole or not at all.
 *
 * <pre>
 * job:    {"run": names this run, "folder": that has everything below, "group": the consumer group that learns how far it is,
 *          "kafka": {setting of Kafka's client: value…}, "realTime": whether, "everyMs": between checkpoints,
 *          "queries": those of src/backends/spark/tile-job.ts}
 * files:  status.json {"format": 1, "run", "application", "host", "pid", "at": epoch ms,
 *                      "state": "STARTING" | "RUNNING" | "STOPPED" | "FAILED", "failures": [{"at", "name", "condition", "sqlState",
 *                      "message", "cause"}…], newest first}
 *         stop        asks it to end
 *         driver.lock is locked while it runs
 *         checkpoint/ has a folder for each query
 * </pre>
 *
 * A query that fails is begun again from its checkpoint, some times; one that gets no further ends the run.
 */
public final class TileRunner {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long BEAT_MS = 1_000;
  private static final long RESTART_MS = 1_000;
  private static final int RESTARTS = 20;
  private static final int TOLD = 20;

  private final SparkSession spark;
  private final JsonNode job;
  private final Path folder;
  private final ReadPositions positions;
  private final Deque<ObjectNode> failures = new ArrayDeque<>();
  private final Map<String, Integer> restarts = new ConcurrentHashMap<>();
  private String state = "STARTING";

  private TileRunner(SparkSession spark, JsonNode job) {
    this.spark = spark;
    this.job = job;
    this.folder = Path.of(job.get("folder").asText());
    this.positions = new ReadPositions(TileQuery.options(job.get("kafka"), ""), job.get("group").asText());
  }

  public static void main(String[] arguments) throws Exception {
    JsonNode job = JSON.readTree(System.in);
    Path lock = Path.of(job.get("folder").asText(), "driver.lock");
    try (FileChannel file = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock held = file.tryLock()) {
      if (held == null) throw new IllegalStateException("another driver makes these tiles: it holds " + lock);
      TileRunner runner = new TileRunner(SparkSession.builder().getOrCreate(), job);
      System.exit(runner.run());
    }
  }

  /** Gives the exit code. */
  private int run() throws Exception {
    spark.streams().addListener(new Progress());
    try {
      List<TileQuery> queries = new ArrayList<>();
      for (JsonNode query : job.get("queries")) queries.add(new TileQuery(spark, job, query));
      List<StreamingQuery> running = new ArrayList<>();
      for (TileQuery query : queries) {
        String done = query.doneOffsets();
        if (done != null) positions.told(done);
        running.add(query.start());
      }
      tell("RUNNING");
      while (!Files.exists(folder.resolve("stop"))) {
        Thread.sleep(BEAT_MS);
        for (int i = 0; i < running.size(); i++)
          if (!running.get(i).isActive()) running.set(i, again(queries.get(i), running.get(i)));
        tell("RUNNING");
      }
      for (StreamingQuery query : running) query.stop();
      tell("STOPPED");
      return 0;
    } catch (OutOfMemoryError full) {
      // As Spark's own processes do.
      Runtime.getRuntime().halt(52);
      return 52;
    } catch (Throwable error) {
      noteFailure("", error);
      tell("FAILED");
      return 1;
    }
  }

  private StreamingQuery again(TileQuery query, StreamingQuery ended) throws Exception {
    StreamingQueryException error = ended.exception().isDefined() ? ended.exception().get() : null;
    if (error == null) throw new IllegalStateException("query " + query.name() + " ended by itself");
    int before = restarts.merge(query.name(), 1, Integer::sum);
    if (before > RESTARTS) throw error;
    noteFailure(query.name(), error);
    Thread.sleep(RESTART_MS);
    return query.start();
  }

  private synchronized void noteFailure(String name, Throwable error) {
    SparkThrowable known = null;
    Throwable last = error;
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof SparkThrowable one && one.getCondition() != null) known = one;
      last = cause;
    }
    String told = known instanceof Throwable ? ((Throwable) known).getMessage() : error.getMessage();
    failures.addFirst(
        JSON.createObjectNode()
            .put("at", System.currentTimeMillis())
            .put("name", name)
            .put("condition", known == null ? null : known.getCondition())
            .put("sqlState", known == null ? null : known.getSqlState())
            .put("message", told == null ? error.getClass().getName() : told)
            .put("cause", last.getClass().getName() + ": " + last.getMessage()));
    while (failures.size() > TOLD) failures.removeLast();
    error.printStackTrace();
  }

  private synchronized void tell(String now) throws IOException {
    state = now;
    ObjectNode status =
        JSON.createObjectNode()
            .put("format", 1)
            .put("run", job.get("run").asText())
            .put("application", spark.sparkContext().applicationId())
            .put("host", InetAddress.getLocalHost().getHostName())
            .put("pid", ProcessHandle.current().pid())
            .put("at", System.currentTimeMillis())
            .put("state", state);
    ArrayNode list = status.putArray("failures");
    failures.forEach(list::add);
    Path made = folder.resolve("status.json.tmp");
    Files.writeString(made, JSON.writeValueAsString(status));
    Files.move(made, folder.resolve("status.json"), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** The events of a batch are in the tiles once it is done: the readers of the log learn it. */
  private final class Progress extends StreamingQueryListener {
    @Override
    public void onQueryStarted(QueryStartedEvent started) {}

    @Override
    public void onQueryProgress(QueryProgressEvent event) {
      String ends = event.progress().sources()[0].endOffset();
      if (ends == null) return;
      if (event.progress().numInputRows() > 0) restarts.remove(event.progress().name());
      try {
        positions.told(ends);
      } catch (Exception late) {
        // The next batch says it again.
        System.err.println("the position is not told: " + late);
      }
    }

    @Override
    public void onQueryTerminated(QueryTerminatedEvent ended) {}
  }
}
