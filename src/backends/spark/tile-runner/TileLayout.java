package headrace;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * All that the tiles of a topic are made of: numbers and texts under their names, each with how two of them are one, and multisets. The
 * first column counts events; a tile's version is the base and that count.
 */
record TileLayout(long versionBase, List<Column> columns, List<String> multisets) implements Serializable {
  /** A column: its name, the fold, and whether it is written as a JSON number. */
  record Column(String name, Fold fold, boolean bare) implements Serializable {}

  static TileLayout of(JsonNode json) {
    List<Column> columns = new ArrayList<>();
    for (JsonNode column : json.get("columns"))
      columns.add(
          new Column(column.get("name").asText(), Fold.of(column.get("fold").asText()), column.get("bare").asBoolean()));
    List<String> multisets = new ArrayList<>();
    json.get("multisets").forEach(name -> multisets.add(name.asText()));
    return new TileLayout(json.get("versionBase").asLong(), columns, multisets);
  }
}
