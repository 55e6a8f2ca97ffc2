package headrace;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** Tells Kafka how far the events are in tiles, as the committed offsets of a consumer group that has no consumers. */
final class ReadPositions {
  private static final ObjectMapper JSON = new ObjectMapper();
  private final Admin admin;
  private final String group;

  ReadPositions(Map<String, String> settings, String group) {
    Properties properties = new Properties();
    properties.putAll(settings);
    this.admin = Admin.create(properties);
    this.group = group;
  }

  /** `offsets` as Spark writes them: `{topic: {partition: next offset}}`. */
  void told(String offsets) throws IOException, ExecutionException, InterruptedException {
    Map<TopicPartition, OffsetAndMetadata> all = new HashMap<>();
    JsonNode topics = JSON.readTree(offsets);
    topics
        .fields()
        .forEachRemaining(
            topic ->
                topic
                    .getValue()
                    .fields()
                    .forEachRemaining(
                        partition ->
                            all.put(
                                new TopicPartition(topic.getKey(), Integer.parseInt(partition.getKey())),
                                new OffsetAndMetadata(partition.getValue().asLong()))));
    if (!all.isEmpty()) admin.alterConsumerGroupOffsets(group, all).all().get();
  }
}
