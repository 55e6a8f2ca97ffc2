package headrace;

import java.io.Serializable;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;

/**
 * The profile of one column, as column-sketch.ts has it: the same counts, bins and registers for the same values. Numbers are counted one
 * by one while they are few, by their bits: only the reader writes a number as a text.
 */
final class ColumnProfile implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final int MOST_TEXTS = 512;
  private static final int MOST_NUMBERS = 64;

  final String name;
  final boolean number;
  /** Interior edges of bins; null where bins are values or there are none. */
  private final double[] edges;
  /** Bins of values: of numbers by their doubles. */
  private final Map<Object, Integer> values;
  /** By bin, the last one of missing values; null where there are none. */
  final long[] counts;

  long rows;
  long missing;
  long infinite;
  double mean;
  double squares;
  boolean whole = true;
  final byte[] registers = new byte[4096];
  final Quantiles quantiles;
  /** Null: there are too many different numbers. */
  Map<Double, Long> numbers = new HashMap<>();
  final Map<String, Long> texts = new HashMap<>();
  long textsSeen;
  long offset;

  ColumnProfile(String name, boolean number, double[] edges, Map<Object, Integer> values, long seed) {
    this.name = name;
    this.number = number;
    this.edges = edges;
    this.values = values;
    this.counts = edges != null ? new long[edges.length + 2] : values != null ? new long[values.size() + 2] : null;
    this.quantiles = number ? new Quantiles(seed) : null;
  }

  void addMissing() {
    rows++;
    missing++;
    if (counts != null) counts[counts.length - 1]++;
  }

  void addNumber(double given) {
    if (Double.isNaN(given)) {
      addMissing();
      return;
    }
    // -0 is 0.
    double value = given + 0.0;
    rows++;
    if (counts != null) counts[edges != null ? binOf(value) : values.getOrDefault(value, values.size())]++;
    if (Double.isInfinite(value)) {
      infinite++;
      return;
    }
    long n = rows - missing - infinite;
    double gap = value - mean;
    mean = mean - mean / n + value / n;
    squares = Math.min(squares + gap * (value - mean), Double.MAX_VALUE);
    if (whole && Math.rint(value) != value) whole = false;
    quantiles.add(value);
    if (numbers != null) {
      Long times = numbers.get(value);
      if (times != null) {
        numbers.put(value, times + 1);
        return;
      }
      if (numbers.size() >= MOST_NUMBERS) numbers = null;
      else numbers.put(value, 1L);
    }
    long bits = Double.doubleToRawLongBits(value);
    raise((int) bits, (int) (bits >>> 32));
  }

  void addText(String text) {
    rows++;
    if (counts != null) counts[values.getOrDefault(text, values.size())]++;
    textsSeen++;
    Long times = texts.get(text);
    texts.put(text, times == null ? 1L : times + 1);
    if (times == null) {
      int a = 0x811c9dc5;
      int b = 0x1b873593;
      for (int i = 0; i < text.length(); i++) {
        char code = text.charAt(i);
        a = (a ^ code) * 0x01000193;
        b = (b ^ code) * 0x85ebca6b;
        b ^= b >>> 15;
      }
      raise(a, b ^ text.length());
      if (texts.size() > MOST_TEXTS) purge();
    }
  }

  /** Chan, Golub and LeVeque 1979, eq. 1.5; everything else adds up. */
  ColumnProfile merge(ColumnProfile added) {
    double a = rows - missing - infinite;
    double b = added.rows - added.missing - added.infinite;
    if (number && b > 0) {
      double gap = added.mean - mean;
      mean = a == 0 ? added.mean : mean * (a / (a + b)) + added.mean * (b / (a + b));
      squares = Math.min(squares + added.squares + (a == 0 ? 0 : gap * gap * (a * b / (a + b))), Double.MAX_VALUE);
      quantiles.merge(added.quantiles);
    }
    rows += added.rows;
    missing += added.missing;
    infinite += added.infinite;
    whole &= added.whole;
    for (int i = 0; i < registers.length; i++) if (added.registers[i] > registers[i]) registers[i] = added.registers[i];
    if (counts != null) for (int i = 0; i < counts.length; i++) counts[i] += added.counts[i];
    if (numbers != null && added.numbers != null) added.numbers.forEach((value, times) -> numbers.merge(value, times, Long::sum));
    if (numbers != null && (added.numbers == null || numbers.size() > MOST_NUMBERS)) numbers = null;
    textsSeen += added.textsSeen;
    offset += added.offset;
    added.texts.forEach((text, times) -> texts.merge(text, times, Long::sum));
    while (texts.size() > MOST_TEXTS) purge();
    return this;
  }

  private int binOf(double value) {
    int low = 0;
    int high = edges.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (edges[middle] <= value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Takes the median count off every text: half of them at least go (Misra and Gries 1982). */
  private void purge() {
    long[] sorted = texts.values().stream().mapToLong(Long::longValue).toArray();
    Arrays.sort(sorted);
    long median = sorted[sorted.length >> 1];
    offset += median;
    for (Iterator<Map.Entry<String, Long>> each = texts.entrySet().iterator(); each.hasNext(); ) {
      Map.Entry<String, Long> entry = each.next();
      if (entry.getValue() <= median) each.remove();
      else entry.setValue(entry.getValue() - median);
    }
  }

  /** 12 bits choose the register, 52 give its rank: value-hash.ts. */
  private void raise(int low, int high) {
    int a = mixed(low ^ high * 0x9e3779b1);
    int b = mixed(high ^ a * 0x85ebca77);
    int bucket = a >>> 20;
    int top = a & 0xfffff;
    int rho = top != 0 ? Integer.numberOfLeadingZeros(top) - 11 : b == 0 ? 53 : 21 + Integer.numberOfLeadingZeros(b);
    if (rho > registers[bucket]) registers[bucket] = (byte) rho;
  }

  /** The finaliser of MurmurHash3 (Appleby, public domain). */
  private static int mixed(int value) {
    int h = value;
    h = (h ^ (h >>> 16)) * 0x85ebca6b;
    h = (h ^ (h >>> 13)) * 0xc2b2ae35;
    return h ^ (h >>> 16);
  }
}
