package headrace;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A tile that grows by events: its columns as text, null where a column has no value, and how often each text is in its multisets. */
final class Tile {
  private final TileLayout layout;
  private final String[] columns;
  private final List<Map<String, Long>> multisets;

  Tile(TileLayout layout) {
    this.layout = layout;
    this.columns = new String[layout.columns().size()];
    this.multisets = new ArrayList<>();
    for (int i = 0; i < layout.multisets().size(); i++) multisets.add(new TreeMap<>());
  }

  void add(List<String> values, List<String> elements) {
    for (int i = 0; i < columns.length; i++) columns[i] = layout.columns().get(i).fold().fold(columns[i], values.get(i));
    for (int i = 0; i < multisets.size(); i++)
      if (elements.get(i) != null) multisets.get(i).merge(elements.get(i), 1L, Long::sum);
  }

  /**
   * <pre>
   * tile     = *column *multiset        ; as many as the layout has
   * column   = int32 (-1: none) bytes   ; UTF-8
   * multiset = int32 *(int32 bytes int64)
   * </pre>
   */
  byte[] toBytes() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    for (String column : columns) writeText(out, column);
    for (Map<String, Long> multiset : multisets) {
      out.writeInt(multiset.size());
      for (Map.Entry<String, Long> element : multiset.entrySet()) {
        writeText(out, element.getKey());
        out.writeLong(element.getValue());
      }
    }
    return bytes.toByteArray();
  }

  static Tile fromBytes(TileLayout layout, byte[] bytes) throws IOException {
    Tile tile = new Tile(layout);
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
    for (int i = 0; i < tile.columns.length; i++) tile.columns[i] = readText(in);
    for (Map<String, Long> multiset : tile.multisets)
      for (int left = in.readInt(); left > 0; left--) multiset.put(readText(in), in.readLong());
    return tile;
  }

  /** The fields of a JSON object, without its braces. */
  String toJson() {
    StringBuilder json = new StringBuilder();
    field(json, "version");
    json.append(Math.addExact(layout.versionBase(), Long.parseLong(columns[0])));
    for (int i = 0; i < columns.length; i++) {
      TileLayout.Column column = layout.columns().get(i);
      String value = Fold.WILD.equals(columns[i]) && column.fold() == Fold.SUM_UNLESS_WILD ? null : columns[i];
      field(json, column.name());
      if (value == null) json.append("null");
      else if (column.bare()) json.append(value);
      else quoted(json, value);
    }
    for (int i = 0; i < multisets.size(); i++) {
      field(json, layout.multisets().get(i));
      char before = '{';
      for (Map.Entry<String, Long> element : multisets.get(i).entrySet()) {
        json.append(before);
        quoted(json, element.getKey());
        json.append(':').append(element.getValue().longValue());
        before = ',';
      }
      json.append(before == '{' ? "{}" : "}");
    }
    return json.toString();
  }

  private static void field(StringBuilder json, String name) {
    if (json.length() > 0) json.append(',');
    quoted(json, name);
    json.append(':');
  }

  private static void quoted(StringBuilder json, String text) {
    json.append('"').append(JsonStringEncoder.getInstance().quoteAsString(text)).append('"');
  }

  private static void writeText(DataOutputStream out, String text) throws IOException {
    if (text == null) {
      out.writeInt(-1);
      return;
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.writeInt(bytes.length);
    out.write(bytes);
  }

  private static String readText(DataInputStream in) throws IOException {
    int length = in.readInt();
    return length < 0 ? null : new String(in.readNBytes(length), StandardCharsets.UTF_8);
  }
}
