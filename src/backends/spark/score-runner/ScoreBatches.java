package headrace;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/**
 * Scores the rows of one task in batches. A batch that fails is halved until the rows that fail stand alone: those are rejected, each with
 * its reason. One thread a run, so that the score of a row does not depend on its batch. No row is scored before the parity rows hold.
 */
final class ScoreBatches implements MapPartitionsFunction<Row, Row> {
  private static final long serialVersionUID = 1L;
  private static final int BATCH = 512;

  private final Broadcast<byte[]> file;
  private final ScoreModel model;
  private final int features;
  private final int fault;

  ScoreBatches(Broadcast<byte[]> file, ScoreModel model, int features, int fault) {
    this.file = file;
    this.model = model;
    this.features = features;
    this.fault = fault;
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) throws OrtException {
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(1);
    options.setInterOpNumThreads(1);
    OrtSession session = OrtEnvironment.getEnvironment().createSession(file.value(), options);
    TaskContext.get()
        .addTaskCompletionListener(
            context -> {
              try {
                session.close();
              } catch (OrtException left) {
                // It ends with the process.
              }
            });
    // Before the first row of the task: an executor may have another library or processor than the trainer.
    model.checkParity(session);
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
    double[] scores;
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
      if (Double.isFinite(scores[i])) out.add(with(rows.get(i), scores[i], null, null));
      else out.add(rejected(rows.get(i), "MODEL_SCORE", "its score is " + scores[i]));
    }
  }

  private double[] run(OrtSession session, List<Row> rows) throws OrtException {
    int width = rows.get(0).getList(features).size();
    float[] numbers = new float[rows.size() * width];
    int at = 0;
    for (Row row : rows) for (Object number : row.getList(features)) numbers[at++] = (Float) number;
    return model.run(session, numbers, rows.size());
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
