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
  /** The place of the cells in a row, which is its last. */
  private final int cells;

  ScoreBatches(Broadcast<byte[]> file, ScoreModel model, int cells) {
    this.file = file;
    this.model = model;
    this.cells = cells;
  }

  /** A row and its numbers, as {@link ScoreCell} has them; or why a cell of it is not one. */
  private record Fed(Row row, long[] numbers, boolean[] isUnfit, String fault) {}

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
    List<Fed> whole = new ArrayList<>(batch.size());
    List<Row> out = new ArrayList<>(batch.size());
    for (Row row : batch) {
      Fed fed = fed(row);
      if (fed.fault == null) whole.add(fed);
      else out.add(rejected(fed, "PREDICT_CELL", fed.fault));
    }
    score(session, whole, out);
    return out;
  }

  private Fed fed(Row row) {
    Row given = row.getStruct(cells);
    String[] types = model.types();
    long[] numbers = new long[types.length];
    boolean[] isUnfit = new boolean[types.length];
    String fault = null;
    for (int i = 0; i < types.length; i++) {
      try {
        numbers[i] = ScoreCell.bits(given.get(i), types[i]);
      } catch (ScoreCell.Unfit unfit) {
        isUnfit[i] = true;
        if (fault == null) fault = ScoreCell.fault(i, given.get(i));
      }
    }
    return new Fed(row, numbers, isUnfit, fault);
  }

  private void score(OrtSession session, List<Fed> rows, List<Row> out) {
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

  private double[] run(OrtSession session, List<Fed> rows) throws OrtException {
    int width = model.types().length;
    long[] numbers = new long[rows.size() * width];
    for (int i = 0; i < rows.size(); i++) System.arraycopy(rows.get(i).numbers, 0, numbers, i * width, width);
    return model.run(session, numbers, rows.size());
  }

  private Row rejected(Fed fed, String code, String reason) {
    return with(fed, null, code, reason);
  }

  /** The row with its numbers in the place of its cells, and what became of it. */
  private Row with(Fed fed, Double score, String code, String reason) {
    Object[] values = new Object[cells + 4];
    for (int i = 0; i < cells; i++) values[i] = fed.row.get(i);
    Double[] shown = new Double[fed.numbers.length];
    for (int i = 0; i < shown.length; i++)
      shown[i] = fed.isUnfit[i] ? Double.NaN : ScoreCell.shown(fed.numbers[i], model.types()[i]);
    values[cells] = shown;
    values[cells + 1] = score;
    values[cells + 2] = code;
    values[cells + 3] = reason;
    return RowFactory.create(values);
  }
}
