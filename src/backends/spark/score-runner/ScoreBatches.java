package headrace;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/**
 * Scores the rows of one task in batches. A batch that fails is halved until the rows that fail stand alone: those are rejected, each with
 * its reason. One thread a run, so that the score of a row does not depend on its batch.
 */
final class ScoreBatches implements MapPartitionsFunction<Row, Row> {
  private static final long serialVersionUID = 1L;
  private static final int BATCH = 512;

  private final Broadcast<byte[]> model;
  private final String input;
  private final String output;
  private final int features;
  private final int fault;

  ScoreBatches(Broadcast<byte[]> model, String input, String output, int features, int fault) {
    this.model = model;
    this.input = input;
    this.output = output;
    this.features = features;
    this.fault = fault;
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) throws OrtException {
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(1);
    options.setInterOpNumThreads(1);
    OrtSession session = OrtEnvironment.getEnvironment().createSession(model.value(), options);
    TaskContext.get()
        .addTaskCompletionListener(
            context -> {
              try {
                session.close();
              } catch (OrtException left) {
                // It ends with the process.
              }
            });
    return new Iterator<>() {
      private Iterator<Row> done = List.<Row>of().iterator();

      @Override
      public boolean hasNext() {
        while (!done.hasNext() && rows.hasNext()) {
          List<Row> batch = new ArrayList<>(BATCH);
          while (batch.size() < BATCH && rows.hasNext()) batch.add(rows.next());
          done = scored(session, batch).iterator();
        }
        return done.hasNext();
      }

      @Override
      public Row next() {
        return done.next();
      }
    };
  }

  private List<Row> scored(OrtSession session, List<Row> batch) {
    List<Row> whole = new ArrayList<>(batch.size());
    for (Row row : batch) if (row.isNullAt(fault)) whole.add(row);
    List<Row> out = new ArrayList<>(batch.size());
    for (Row row : batch) if (!row.isNullAt(fault)) out.add(rejected(row, "PREDICT_CELL", row.getString(fault)));
    score(session, whole, out);
    return out;
  }

  private void score(OrtSession session, List<Row> rows, List<Row> out) {
    if (rows.isEmpty()) return;
    float[] scores;
    try {
      scores = run(session, rows);
    } catch (OrtException failed) {
      if (rows.size() == 1) {
        out.add(rejected(rows.get(0), "MODEL_RUN", failed.getMessage()));
        return;
      }
      int middle = (rows.size() + 1) / 2;
      score(session, rows.subList(0, middle), out);
      score(session, rows.subList(middle, rows.size()), out);
      return;
    }
    for (int i = 0; i < scores.length; i++) {
      if (Float.isFinite(scores[i])) out.add(with(rows.get(i), (double) scores[i], null, null));
      else out.add(rejected(rows.get(i), "MODEL_SCORE", "its score is " + scores[i]));
    }
  }

  private float[] run(OrtSession session, List<Row> rows) throws OrtException {
    int width = rows.get(0).getList(features).size();
    FloatBuffer numbers = FloatBuffer.allocate(rows.size() * width);
    for (Row row : rows) for (Object number : row.getList(features)) numbers.put((Float) number);
    numbers.flip();
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    try (OnnxTensor tensor = OnnxTensor.createTensor(environment, numbers, new long[] {rows.size(), width});
        OrtSession.Result result = session.run(Map.of(input, tensor), Set.of(output))) {
      float[] scores = ((OnnxTensor) result.get(0)).getFloatBuffer().array();
      if (scores.length != rows.size())
        throw new IllegalStateException("the model's output has " + scores.length + " values for " + rows.size() + " rows");
      return scores;
    }
  }

  private static Row rejected(Row row, String code, String reason) {
    return with(row, null, code, reason);
  }

  private static Row with(Row row, Double score, String code, String reason) {
    Object[] cells = new Object[row.size() + 3];
    for (int i = 0; i < row.size(); i++) cells[i] = row.get(i);
    cells[row.size()] = score;
    cells[row.size() + 1] = code;
    cells[row.size() + 2] = reason;
    return RowFactory.create(cells);
  }
}
