package sluice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.amazon.sqs.javamessaging.AmazonSQSExtendedClient;
import com.amazon.sqs.javamessaging.ExtendedClientConfiguration;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.services.sqs.model.DeleteMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageAttributeValue;
import software.amazon.awssdk.services.sqs.model.SendMessageBatchRequestEntry;

/** The Amazon SQS Extended Client Library for Java: large bodies go to S3, pointers to them through the queue. */
class ExtendedClientTest {
    private static final String LARGE = "naïve 😀 ".repeat(100_000);

    private final Server server = new Server();
    private final MemoryS3 s3 = new MemoryS3();
    private final String name = Server.fresh("extended");
    private final String queue = server.create(name, Map.of());

    @ParameterizedTest
    @ValueSource(strings = {"ExtendedPayloadSize", "SQSLargePayloadSize"})
    void aLargeBodyGoesThroughS3AndAPointerThroughTheQueue(String attribute) {
        ExtendedClientConfiguration settings = new ExtendedClientConfiguration().withPayloadSupportEnabled(s3, "bucket");
        if (attribute.equals("ExtendedPayloadSize")) {
            settings.setLegacyReservedAttributeNameDisabled();
        }
        AmazonSQSExtendedClient client = new AmazonSQSExtendedClient(Server.builder().build(), settings);
        MessageAttributeValue blue = MessageAttributeValue.builder().dataType("String").stringValue("blue").build();
        client.sendMessage(send -> send.queueUrl(queue).messageBody(LARGE).messageAttributes(Map.of("colour", blue)));
        assertEquals(1, s3.objects.size());

        // What is on the queue, as a consumer without the extended client sees it.
        Message plain = server.sqs
                .receiveMessage(receive ->
                        receive.queueUrl(queue).waitTimeSeconds(10).visibilityTimeout(0).messageAttributeNames("All"))
                .messages()
                .get(0);
        String key = s3.objects.keySet().iterator().next().substring("bucket/".length());
        String pointer = "[\"software.amazon.payloadoffloading.PayloadS3Pointer\","
                + "{\"s3BucketName\":\"bucket\",\"s3Key\":\"" + key + "\"}]";
        assertEquals(pointer, plain.body());
        assertEquals(Set.of("colour", attribute), plain.messageAttributes().keySet());
        assertEquals("Number", plain.messageAttributes().get(attribute).dataType());
        String size = Integer.toString(LARGE.getBytes(StandardCharsets.UTF_8).length);
        assertEquals(size, plain.messageAttributes().get(attribute).stringValue());

        Message message = client.receiveMessage(
                        receive -> receive.queueUrl(queue).waitTimeSeconds(10).messageAttributeNames("colour"))
                .messages()
                .get(0);
        assertEquals(LARGE, message.body());
        assertEquals(Map.of("colour", blue), message.messageAttributes());
        client.changeMessageVisibility(
                change -> change.queueUrl(queue).receiptHandle(message.receiptHandle()).visibilityTimeout(100));
        client.deleteMessage(delete -> delete.queueUrl(queue).receiptHandle(message.receiptHandle()));
        assertEquals(Map.of(), s3.objects);
        assertEquals("0 0 0", server.counts(name));
    }

    @Test
    void batchesOfLargeAndSmallBodies() {
        ExtendedClientConfiguration settings = new ExtendedClientConfiguration().withPayloadSupportEnabled(s3, "bucket");
        AmazonSQSExtendedClient client = new AmazonSQSExtendedClient(Server.builder().build(), settings);
        List<SendMessageBatchRequestEntry> entries = IntStream.range(0, 10)
                .mapToObj(number -> SendMessageBatchRequestEntry.builder()
                        .id(Integer.toString(number))
                        .messageBody(number % 2 == 0 ? LARGE + number : "small " + number)
                        .build())
                .toList();
        assertEquals(10, client.sendMessageBatch(send -> send.queueUrl(queue).entries(entries)).successful().size());
        assertEquals(5, s3.objects.size());
        List<Message> messages = new ArrayList<>();
        while (messages.size() < 10) {
            messages.addAll(client.receiveMessage(
                            receive -> receive.queueUrl(queue).waitTimeSeconds(10).maxNumberOfMessages(10))
                    .messages());
        }
        assertEquals(
                entries.stream().map(SendMessageBatchRequestEntry::messageBody).sorted().toList(),
                messages.stream().map(Message::body).sorted().toList());
        List<DeleteMessageBatchRequestEntry> handles = IntStream.range(0, 10)
                .mapToObj(number -> DeleteMessageBatchRequestEntry.builder()
                        .id(Integer.toString(number))
                        .receiptHandle(messages.get(number).receiptHandle())
                        .build())
                .toList();
        assertTrue(client.deleteMessageBatch(delete -> delete.queueUrl(queue).entries(handles)).failed().isEmpty());
        assertEquals(Map.of(), s3.objects);
        assertEquals("0 0 0", server.counts(name));
    }
}
