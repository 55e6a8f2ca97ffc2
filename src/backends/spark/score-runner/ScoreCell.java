package headrace;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The rule of src/model/cell-number.ts: a cell is the nearest double; a float32 is the nearest to that double; a whole type takes the cell
 * exactly, or refuses it. A number is in the low bits of a long, as its tensor has it.
 */
final class ScoreCell {
  private static final String DIGITS = "[0-9]+(_[0-9]+)*";
  private static final String SPECIAL = "[nN][aA][nN]|[iI][nN][fF]([iI][nN][iI][tT][yY])?";

  /** A text that DuckDB, which worker processes read by, takes for a number. */
  private static final Pattern NUMBER =
      Pattern.compile(
          "(-|[+]-?)?(((" + DIGITS + ")[.]?(" + DIGITS + ")?|[.]" + DIGITS + ")([eE][-+]?" + DIGITS + ")?|" + SPECIAL + ")");

  private static final Pattern WHOLE = Pattern.compile("[+-]?" + DIGITS);

  /** The bits of whole types; a signed one begins at minus one half of its numbers. */
  private static final Map<String, Integer> BITS =
      Map.of("BOOL", 1, "UINT8", 8, "UINT16", 16, "UINT32", 32, "UINT64", 64, "INT8", 8, "INT16", 16, "INT32", 32, "INT64", 64);

  private static final int LONGEST_CELL = 60;

  private ScoreCell() {}

  /** A cell that does not fit its tensor. */
  static final class Unfit extends Exception {
    private static final long serialVersionUID = 1L;
  }

  /** The number of a cell in a tensor. */
  static long bits(Object cell, String type) throws Unfit {
    switch (type) {
      case "FP64":
        return Double.doubleToRawLongBits(doubleOf(cell));
      case "FP32":
        double number = doubleOf(cell);
        float single = (float) number;
        if (Float.isInfinite(single) && !Double.isInfinite(number)) throw new Unfit();
        return Float.floatToRawIntBits(single);
      default:
        return wholeOf(cell, type).longValue();
    }
  }

  /** The number that bits stand for, as a double. */
  static double shown(long bits, String type) {
    return switch (type) {
      case "FP64" -> Double.longBitsToDouble(bits);
      case "FP32" -> Float.intBitsToFloat((int) bits);
      case "UINT64" -> new BigInteger(Long.toUnsignedString(bits)).doubleValue();
      default -> bits;
    };
  }

  /** The cell after its feature's place: the process that commits the job says why. */
  static String fault(int place, Object cell) {
    if (cell == null) return place + "m";
    if (cell instanceof Double || cell instanceof Float) return place + "n " + cell;
    String text = cell instanceof BigDecimal decimal ? decimal.toPlainString() : cell.toString();
    return place + "t " + text.substring(0, Math.min(LONGEST_CELL, text.length()));
  }

  private static double doubleOf(Object cell) throws Unfit {
    if (cell == null) return Double.NaN;
    if (cell instanceof Boolean bool) return bool ? 1 : 0;
    if (cell instanceof String text) return doubleOfText(plain(text));
    return ((Number) cell).doubleValue();
  }

  private static BigInteger wholeOf(Object cell, String type) throws Unfit {
    BigInteger whole = exact(cell);
    int bits = BITS.get(type);
    boolean isSigned = type.startsWith("INT");
    BigInteger end = BigInteger.ONE.shiftLeft(isSigned ? bits - 1 : bits);
    if (whole.compareTo(end) >= 0 || whole.compareTo(isSigned ? end.negate() : BigInteger.ZERO) < 0) throw new Unfit();
    return whole;
  }

  private static BigInteger exact(Object cell) throws Unfit {
    if (cell == null) throw new Unfit();
    if (cell instanceof Boolean bool) return bool ? BigInteger.ONE : BigInteger.ZERO;
    if (cell instanceof Double || cell instanceof Float) return exact(((Number) cell).doubleValue());
    if (cell instanceof String text) {
      String plain = plain(text);
      if (!WHOLE.matcher(plain).matches()) return exact(doubleOfText(plain));
      return new BigInteger(plain.replace("_", "").replaceFirst("^[+]", ""));
    }
    return exact(cell instanceof BigDecimal decimal ? decimal : BigDecimal.valueOf(((Number) cell).longValue()));
  }

  private static BigInteger exact(double number) throws Unfit {
    if (Double.isNaN(number) || Double.isInfinite(number)) throw new Unfit();
    return exact(new BigDecimal(number));
  }

  private static BigInteger exact(BigDecimal number) throws Unfit {
    if (number.remainder(BigDecimal.ONE).signum() != 0) throw new Unfit();
    return number.toBigInteger();
  }

  private static String plain(String text) throws Unfit {
    int from = 0;
    int to = text.length();
    while (from < to && isSpace(text.charAt(from))) from++;
    while (to > from && isSpace(text.charAt(to - 1))) to--;
    String plain = text.substring(from, to);
    if (!NUMBER.matcher(plain).matches()) throw new Unfit();
    return plain;
  }

  private static boolean isSpace(char letter) {
    return letter == ' ' || (letter >= '\t' && letter <= '\r');
  }

  private static double doubleOfText(String plain) throws Unfit {
    String lower = plain.toLowerCase(java.util.Locale.ROOT);
    if (lower.endsWith("nan")) return Double.NaN;
    if (lower.contains("inf")) return lower.startsWith("-") || lower.startsWith("+-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
    double number = Double.parseDouble(plain.replace("_", "").replace("+-", "-"));
    if (Double.isInfinite(number)) throw new Unfit();
    return number;
  }
}
