package sluice;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.util.EnumMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.sqs.SqsAsyncClient;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.SqsClientBuilder;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;

/** The server under test, looked at from outside. */
final class Server {
    private static final URI ENDPOINT = URI.create(System.getenv("SLUICE_ENDPOINT"));
    private static final long WAIT_NANOS = 60_000_000_000L;

    final SqsClient sqs = builder().build();

    static SqsClientBuilder builder() {
        return SqsClient.builder().endpointOverride(ENDPOINT).region(Region.US_EAST_1);
    }

    static SqsAsyncClient async() {
        return SqsAsyncClient.builder().endpointOverride(ENDPOINT).region(Region.US_EAST_1).build();
    }

    static String fresh(String label) {
        return label + "-" + UUID.randomUUID();
    }

    String create(String name, Map<QueueAttributeName, String> attributes) {
        return sqs.createQueue(create -> create.queueName(name).attributes(attributes)).queueUrl();
    }

    /** Creates a queue whose messages are dead after two receives, and gives the name of their queue; both are FIFO or neither. */
    String createWithDeadLetters(String name) {
        String deadName = "dead-" + name;
        Map<QueueAttributeName, String> attributes = new EnumMap<>(QueueAttributeName.class);
        if (name.endsWith(".fifo")) {
            attributes.put(QueueAttributeName.FIFO_QUEUE, "true");
        }
        String dead = create(deadName, attributes);
        String arn = sqs.getQueueAttributes(get -> get.queueUrl(dead).attributeNames(QueueAttributeName.QUEUE_ARN))
                .attributes()
                .get(QueueAttributeName.QUEUE_ARN);
        String policy = "{\"deadLetterTargetArn\":\"" + arn + "\",\"maxReceiveCount\":\"2\"}";
        attributes.put(QueueAttributeName.REDRIVE_POLICY, policy);
        create(name, attributes);
        return deadName;
    }

    /** Visible, hidden and delayed messages. */
    String counts(String name) {
        String url = sqs.getQueueUrl(get -> get.queueName(name)).queueUrl();
        Map<QueueAttributeName, String> counts = new EnumMap<>(sqs.getQueueAttributes(get -> get.queueUrl(url)
                        .attributeNames(
                                QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES,
                                QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE,
                                QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_DELAYED))
                .attributes());
        return counts.get(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES)
                + " " + counts.get(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE)
                + " " + counts.get(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_DELAYED);
    }

    void untilCounts(String name, String wanted) throws Exception {
        until("the counts of " + name + " are not " + wanted, () -> counts(name).equals(wanted));
    }

    static void until(String described, Callable<Boolean> question) throws Exception {
        for (long deadline = System.nanoTime() + WAIT_NANOS; !question.call(); Thread.sleep(50)) {
            assertTrue(System.nanoTime() < deadline, described);
        }
    }
}
