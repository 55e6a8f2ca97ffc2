package headrace;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** A KLL sketch of doubles (Karnin, Lang and Liberty 2016), with the capacities of kll-sketch.ts: level h holds items of weight 2^h. */
final class Quantiles implements Serializable {
  private static final long serialVersionUID = 1L;
  static final int K = 256;
  private static final int LEAST = 8;

  long n;
  double min = Double.POSITIVE_INFINITY;
  double max = Double.NEGATIVE_INFINITY;
  final List<double[]> levels = new ArrayList<>();
  private double[] lowest = new double[K];
  private int held;
  private long chance;

  Quantiles(long seed) {
    chance = seed;
    levels.add(new double[0]);
  }

  void add(double value) {
    n++;
    if (value < min) min = value;
    if (value > max) max = value;
    if (held == lowest.length) settle();
    lowest[held++] = value;
  }

  void merge(Quantiles added) {
    added.settle();
    settle();
    n += added.n;
    min = Math.min(min, added.min);
    max = Math.max(max, added.max);
    for (int h = 0; h < added.levels.size(); h++) {
      if (h == levels.size()) levels.add(new double[0]);
      levels.set(h, merged(levels.get(h), added.levels.get(h)));
    }
    compress();
  }

  /** Takes the waiting values into the levels; call it before they are read. */
  void settle() {
    if (held == 0) return;
    double[] values = Arrays.copyOf(lowest, held);
    held = 0;
    Arrays.sort(values);
    levels.set(0, merged(levels.get(0), values));
    compress();
  }

  private void compress() {
    for (; ; ) {
      int h = full();
      if (h < 0) return;
      if (h == levels.size() - 1) levels.add(new double[0]);
      double[] items = levels.get(h);
      int odd = items.length % 2;
      int from = odd + (new SplittableRandom(chance++).nextBoolean() ? 1 : 0);
      double[] promoted = new double[(items.length - odd) / 2];
      for (int i = 0; i < promoted.length; i++) promoted[i] = items[from + 2 * i];
      levels.set(h, odd == 1 ? new double[] {items[0]} : new double[0]);
      levels.set(h + 1, merged(levels.get(h + 1), promoted));
    }
  }

  private int full() {
    for (int h = 0; h < levels.size(); h++) if (levels.get(h).length >= capacity(levels.size(), h)) return h;
    return -1;
  }

  private static int capacity(int count, int h) {
    int depth = count - h - 1;
    double items = depth > 30 ? 0 : Math.floor((Math.floor(2 * K * Math.pow(2, depth) / Math.pow(3, depth)) + 1) / 2);
    return Math.max(LEAST, (int) items);
  }

  private static double[] merged(double[] a, double[] b) {
    double[] all = new double[a.length + b.length];
    for (int at = 0, i = 0, j = 0; at < all.length; at++) all[at] = j >= b.length || (i < a.length && a[i] <= b[j]) ? a[i++] : b[j++];
    return all;
  }
}
