package headrace;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * How rows of features are run through a model: the inputs that they fill, the output, and the rows whose scores are known.
 *
 * <pre>
 * job: {"modelInputs": [{"name", "type", "shape": [size…] of a row, "places": [place in a row…]}…], "modelOutput", "isSingle",
 *       "parity": {"rows": [[number or null…]…], "scores": [number…], "tolerance"} or null}
 * </pre>
 */
final class ScoreModel implements Serializable {
  private static final long serialVersionUID = 1L;

  private final String job;
  private transient JsonNode parsed;
  private transient String[] types;

  ScoreModel(JsonNode job) {
    this.job = job.toString();
  }

  private JsonNode job() {
    try {
      if (parsed == null) parsed = new ObjectMapper().readTree(job);
      return parsed;
    } catch (java.io.IOException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** The type of each feature's number, in order. */
  String[] types() {
    if (types != null) return types;
    String[] found = new String[job().get("features").size()];
    java.util.Arrays.fill(found, "FP64");
    for (JsonNode input : job().get("modelInputs"))
      for (JsonNode place : input.get("places")) found[place.asInt()] = input.get("type").asText();
    types = found;
    return found;
  }

  /** Throws, with the found and the expected score, where the model differs from its trainer. */
  void checkParity(OrtSession session) throws OrtException {
    JsonNode parity = job().get("parity");
    if (parity.isNull()) return;
    int count = parity.get("rows").size();
    int width = parity.get("rows").get(0).size();
    long[] rows = new long[count * width];
    for (int i = 0; i < rows.length; i++) {
      JsonNode number = parity.get("rows").get(i / width).get(i % width);
      try {
        rows[i] = ScoreCell.bits(number.isNull() ? null : number.asDouble(), types()[i % width]);
      } catch (ScoreCell.Unfit unfit) {
        throw new IllegalStateException("a parity row does not fit the model: " + number);
      }
    }
    double[] found = run(session, rows, count);
    double tolerance = parity.get("tolerance").asDouble();
    for (int i = 0; i < count; i++) {
      double expected = parity.get("scores").get(i).asDouble();
      if (!(Math.abs(found[i] - expected) <= tolerance * Math.max(1, Math.abs(expected))))
        throw new IllegalStateException("HEADRACE_PARITY " + found[i] + " " + expected);
    }
  }

  /** The score of each row, whose numbers are as {@link ScoreCell} has them. */
  double[] run(OrtSession session, long[] rows, int count) throws OrtException {
    if (!job().get("isSingle").asBoolean() || count == 1) return runOnce(session, rows, count);
    int width = rows.length / count;
    double[] scores = new double[count];
    for (int row = 0; row < count; row++)
      scores[row] = runOnce(session, java.util.Arrays.copyOfRange(rows, row * width, (row + 1) * width), 1)[0];
    return scores;
  }

  private double[] runOnce(OrtSession session, long[] rows, int count) throws OrtException {
    Map<String, OnnxTensor> inputs = new HashMap<>();
    try {
      for (JsonNode input : job().get("modelInputs")) inputs.put(input.get("name").asText(), tensorOf(input, rows, count));
      try (OrtSession.Result result = session.run(inputs, Set.of(job().get("modelOutput").asText()))) {
        return scoresOf((OnnxTensor) result.get(0), count);
      }
    } finally {
      inputs.values().forEach(OnnxTensor::close);
    }
  }

  private static OnnxTensor tensorOf(JsonNode input, long[] rows, int count) throws OrtException {
    JsonNode places = input.get("places");
    JsonNode sizes = input.get("shape");
    int width = rows.length / count;
    String type = input.get("type").asText();
    int bytes = bytesOf(type);
    ByteBuffer numbers = ByteBuffer.allocateDirect(count * places.size() * bytes).order(ByteOrder.nativeOrder());
    int[] place = new int[places.size()];
    for (int i = 0; i < place.length; i++) place[i] = places.get(i).asInt();
    for (int row = 0; row < count; row++) for (int at : place) put(numbers, bytes, rows[row * width + at]);
    numbers.flip();
    long[] shape = new long[sizes.size() + 1];
    shape[0] = count;
    for (int i = 1; i < shape.length; i++) shape[i] = sizes.get(i - 1).asLong();
    return OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), numbers, shape, javaType(type));
  }

  private static int bytesOf(String type) {
    return switch (type) {
      case "FP64", "INT64", "UINT64" -> 8;
      case "FP32", "INT32", "UINT32" -> 4;
      case "INT16", "UINT16" -> 2;
      default -> 1;
    };
  }

  private static OnnxJavaType javaType(String type) {
    return switch (type) {
      case "FP32" -> OnnxJavaType.FLOAT;
      case "FP64" -> OnnxJavaType.DOUBLE;
      case "INT64" -> OnnxJavaType.INT64;
      case "INT32" -> OnnxJavaType.INT32;
      case "INT16" -> OnnxJavaType.INT16;
      case "INT8" -> OnnxJavaType.INT8;
      case "UINT8" -> OnnxJavaType.UINT8;
      case "BOOL" -> OnnxJavaType.BOOL;
      default -> throw new IllegalArgumentException("ONNX Runtime for Java has no inputs of type " + type);
    };
  }

  private static void put(ByteBuffer numbers, int bytes, long bits) {
    switch (bytes) {
      case 8 -> numbers.putLong(bits);
      case 4 -> numbers.putInt((int) bits);
      case 2 -> numbers.putShort((short) bits);
      default -> numbers.put((byte) bits);
    }
  }

  /** The one number of each row, or the second of two. */
  private static double[] scoresOf(OnnxTensor output, int count) throws OrtException {
    double[] numbers =
        switch (output.getInfo().type) {
          case FLOAT -> floats(output.getFloatBuffer());
          case DOUBLE -> doubles(output.getDoubleBuffer());
          case INT64 -> longs(output.getLongBuffer());
          case INT32 -> ints(output.getIntBuffer());
          default -> throw new IllegalStateException("the model's output is of type " + output.getInfo().type);
        };
    if (numbers.length != count && numbers.length != 2 * count)
      throw new IllegalStateException("the model's output has " + numbers.length + " values for " + count + " rows");
    if (numbers.length == count) return numbers;
    double[] scores = new double[count];
    for (int row = 0; row < count; row++) scores[row] = numbers[2 * row + 1];
    return scores;
  }

  private static double[] floats(java.nio.FloatBuffer buffer) {
    double[] out = new double[buffer.remaining()];
    for (int i = 0; i < out.length; i++) out[i] = buffer.get(i);
    return out;
  }

  private static double[] doubles(java.nio.DoubleBuffer buffer) {
    double[] out = new double[buffer.remaining()];
    buffer.get(out);
    return out;
  }

  /** A whole number that no double is has NaN instead. */
  private static double[] longs(java.nio.LongBuffer buffer) {
    double[] out = new double[buffer.remaining()];
    for (int i = 0; i < out.length; i++) {
      long number = buffer.get(i);
      boolean isExact = new java.math.BigDecimal((double) number).compareTo(java.math.BigDecimal.valueOf(number)) == 0;
      out[i] = isExact ? number : Double.NaN;
    }
    return out;
  }

  private static double[] ints(java.nio.IntBuffer buffer) {
    double[] out = new double[buffer.remaining()];
    for (int i = 0; i < out.length; i++) out[i] = buffer.get(i);
    return out;
  }
}
