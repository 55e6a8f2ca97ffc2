package headrace;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** How two values of a column, as text, are one. A value that is not there changes nothing. */
enum Fold {
  /** Whole numbers of 64 bits; more is an error, as in SQL. */
  SUM64 {
    @Override
    String both(String a, String b) {
      return Long.toString(Math.addExact(Long.parseLong(a), Long.parseLong(b)));
    }
  },
  /** Whole numbers of 38 digits. */
  SUM {
    @Override
    String both(String a, String b) {
      String sum = new BigInteger(a).add(new BigInteger(b)).toString();
      if (sum.length() > 39 || (sum.length() == 39 && sum.charAt(0) != '-'))
        throw new ArithmeticException("a sum has more than 38 digits");
      return sum;
    }
  },
  /** As `SUM`, where one value that has no exact number leaves none for good. */
  SUM_UNLESS_WILD {
    @Override
    String both(String a, String b) {
      return a.equals(WILD) || b.equals(WILD) ? WILD : SUM.both(a, b);
    }
  },
  LEAST_LONG {
    @Override
    String both(String a, String b) {
      return Long.parseLong(a) <= Long.parseLong(b) ? a : b;
    }
  },
  GREATEST_LONG {
    @Override
    String both(String a, String b) {
      return Long.parseLong(a) >= Long.parseLong(b) ? a : b;
    }
  },
  LEAST_DOUBLE {
    @Override
    String both(String a, String b) {
      return Double.compare(Double.parseDouble(a), Double.parseDouble(b)) <= 0 ? a : b;
    }
  },
  GREATEST_DOUBLE {
    @Override
    String both(String a, String b) {
      return Double.compare(Double.parseDouble(a), Double.parseDouble(b)) >= 0 ? a : b;
    }
  },
  /** By the bytes of UTF-8. */
  LEAST_TEXT {
    @Override
    String both(String a, String b) {
      return compare(a, b) <= 0 ? a : b;
    }
  },
  GREATEST_TEXT {
    @Override
    String both(String a, String b) {
      return compare(a, b) >= 0 ? a : b;
    }
  };

  /** Stands for a value without an exact number. */
  static final String WILD = "wild";

  abstract String both(String a, String b);

  final String fold(String a, String b) {
    if (a == null) return b;
    return b == null ? a : both(a, b);
  }

  static Fold of(String name) {
    return switch (name) {
      case "sum64" -> SUM64;
      case "sum" -> SUM;
      case "sumUnlessWild" -> SUM_UNLESS_WILD;
      case "leastLong" -> LEAST_LONG;
      case "greatestLong" -> GREATEST_LONG;
      case "leastDouble" -> LEAST_DOUBLE;
      case "greatestDouble" -> GREATEST_DOUBLE;
      case "leastText" -> LEAST_TEXT;
      case "greatestText" -> GREATEST_TEXT;
      default -> throw new IllegalArgumentException("no fold is called " + name);
    };
  }

  private static int compare(String a, String b) {
    return Arrays.compareUnsigned(a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));
  }
}
