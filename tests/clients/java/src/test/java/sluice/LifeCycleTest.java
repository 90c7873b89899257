package sluice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.BatchEntryIdsNotDistinctException;
import software.amazon.awssdk.services.sqs.model.BatchResultErrorEntry;
import software.amazon.awssdk.services.sqs.model.ChangeMessageVisibilityBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.DeleteMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.EmptyBatchRequestException;
import software.amazon.awssdk.services.sqs.model.InvalidAttributeNameException;
import software.amazon.awssdk.services.sqs.model.InvalidAttributeValueException;
import software.amazon.awssdk.services.sqs.model.InvalidBatchEntryIdException;
import software.amazon.awssdk.services.sqs.model.InvalidMessageContentsException;
import software.amazon.awssdk.services.sqs.model.ListQueuesResponse;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageAttributeValue;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeName;
import software.amazon.awssdk.services.sqs.model.PurgeQueueInProgressException;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueDeletedRecentlyException;
import software.amazon.awssdk.services.sqs.model.QueueDoesNotExistException;
import software.amazon.awssdk.services.sqs.model.QueueNameExistsException;
import software.amazon.awssdk.services.sqs.model.ReceiptHandleIsInvalidException;
import software.amazon.awssdk.services.sqs.model.ReceiveMessageRequest;
import software.amazon.awssdk.services.sqs.model.SendMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.SqsException;
import software.amazon.awssdk.services.sqs.model.TooManyEntriesInBatchRequestException;

/**
 * The numbered scenarios of ../README.md with the AWS SDK for Java v2, which itself verifies the MD5 of every body and of every set
 * of attributes that it sends or receives.
 */
class LifeCycleTest {
    private static final String BODY = "  \r\n\t\"quoted\" 'single' <&> ]]> %41+b=c&d \\ é 日本語 😀 \r ";
    private static final String BODY_MD5 = "0da47c26fbee6f40ab6fdd7e40db41e4";
    private static final Map<String, MessageAttributeValue> ATTRIBUTES = Map.of(
            "text", text("String", "naïve 😀 <&> \"q\""),
            "count", text("Number", "42"),
            "raw", binary(0x00, 0xff, 0x00, 0x10, 0x80),
            "kind.colour", text("String.label", "blue"),
            "kind.size", text("Number.int", "7"));
    private static final String ATTRIBUTES_MD5 = "f5bf0ba2bd9e7ede7198025c66483674";
    private static final String KIND_MD5 = "7b1b768b742a3dbe7ce5c6ea3c345c26";
    private static final String GARBAGE = "garbage";

    private final SqsClient sqs = SqsClient.builder()
            .endpointOverride(URI.create(System.getenv("SLUICE_ENDPOINT")))
            .region(Region.US_EAST_1)
            .httpClient(UrlConnectionHttpClient.builder().socketTimeout(Duration.ofSeconds(60)).build())
            .build();
    private final String name = "java-" + UUID.randomUUID();

    private static MessageAttributeValue text(String type, String value) {
        return MessageAttributeValue.builder().dataType(type).stringValue(value).build();
    }

    private static MessageAttributeValue binary(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return MessageAttributeValue.builder().dataType("Binary").binaryValue(SdkBytes.fromByteArray(bytes)).build();
    }

    private String queue() {
        return sqs.createQueue(create -> create.queueName(name)).queueUrl();
    }

    private String queue(Map<QueueAttributeName, String> attributes) {
        return sqs.createQueue(create -> create.queueName(name).attributes(attributes)).queueUrl();
    }

    private void send(String queue, String body) {
        sqs.sendMessage(send -> send.queueUrl(queue).messageBody(body));
    }

    private List<Message> receive(String queue, int wait, Consumer<ReceiveMessageRequest.Builder> more) {
        return sqs.receiveMessage(receive -> more.accept(receive.queueUrl(queue).waitTimeSeconds(wait))).messages();
    }

    private List<Message> receive(String queue, int wait) {
        return receive(queue, wait, more -> { });
    }

    private Message receiveOne(String queue, Consumer<ReceiveMessageRequest.Builder> more) {
        List<Message> messages = receive(queue, 10, more);
        assertEquals(1, messages.size());
        return messages.get(0);
    }

    private Message receiveOne(String queue) {
        return receiveOne(queue, more -> { });
    }

    private Map<QueueAttributeName, String> attributes(String queue, QueueAttributeName... names) {
        return sqs.getQueueAttributes(get -> get.queueUrl(queue).attributeNames(names)).attributes();
    }

    private static void refused(Class<? extends SqsException> type, String code, int status, Runnable call) {
        SqsException error = assertThrows(SqsException.class, call::run, "expected " + code);
        assertEquals(code, error.awsErrorDetails().errorCode());
        assertEquals(type, error.getClass());
        assertEquals(status, error.statusCode());
        assertFalse(error.awsErrorDetails().errorMessage().isEmpty(), "an error without a message");
    }

    private static void refused(Class<? extends SqsException> type, String code, Runnable call) {
        refused(type, code, 400, call);
    }

    private static Set<String> failures(List<BatchResultErrorEntry> failed) {
        assertTrue(failed.stream().allMatch(BatchResultErrorEntry::senderFault));
        return failed.stream().map(entry -> entry.id() + " " + entry.code()).collect(Collectors.toSet());
    }

    private static SendMessageBatchRequestEntry entry(String id, String body) {
        return SendMessageBatchRequestEntry.builder().id(id).messageBody(body).build();
    }

    private static Duration since(long started) {
        return Duration.ofNanos(System.nanoTime() - started);
    }

    private static boolean soonAfter(long started) {
        return since(started).toMillis() < 900;
    }

    @Test
    @DisplayName("01 create")
    void create() {
        Map<QueueAttributeName, String> given =
                Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "45", QueueAttributeName.MAXIMUM_MESSAGE_SIZE, "2048");
        String url = queue(given);
        assertTrue(url.endsWith("/" + name));
        assertEquals(url, queue(given));
        assertEquals(url, queue());
        refused(QueueNameExistsException.class, "QueueAlreadyExists",
                () -> queue(Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "46")));
    }

    @Test
    @DisplayName("02 find")
    void find() {
        List<String> urls = IntStream.range(0, 5)
                .mapToObj(n -> sqs.createQueue(create -> create.queueName(name + "-" + n)).queueUrl())
                .toList();
        assertEquals(urls.get(3), sqs.getQueueUrl(get -> get.queueName(name + "-3")).queueUrl());
        refused(QueueDoesNotExistException.class, "AWS.SimpleQueueService.NonExistentQueue",
                () -> sqs.getQueueUrl(get -> get.queueName(name + "-absent")));

        ListQueuesResponse everything = sqs.listQueues(list -> list.queueNamePrefix(name));
        assertEquals(urls, everything.queueUrls());
        assertNull(everything.nextToken());
        List<List<String>> pages = sqs.listQueuesPaginator(list -> list.queueNamePrefix(name).maxResults(2)).stream()
                .map(ListQueuesResponse::queueUrls)
                .toList();
        assertEquals(List.of(urls.subList(0, 2), urls.subList(2, 4), urls.subList(4, 5)), pages);
        assertFalse(sqs.listQueues(list -> list.queueNamePrefix(name + "-absent")).hasQueueUrls());
    }

    @Test
    @DisplayName("03 tags")
    void tags() {
        String queue = sqs.createQueue(create -> create.queueName(name).tags(Map.of("team", "red"))).queueUrl();
        Map<String, String> tags = Map.of("team", "blue", "empty", "", "ort", "Zürich / 東京");
        sqs.tagQueue(tag -> tag.queueUrl(queue).tags(tags));
        assertEquals(tags, sqs.listQueueTags(list -> list.queueUrl(queue)).tags());
        sqs.untagQueue(untag -> untag.queueUrl(queue).tagKeys("empty", "ort", "never there"));
        assertEquals(Map.of("team", "blue"), sqs.listQueueTags(list -> list.queueUrl(queue)).tags());
        sqs.untagQueue(untag -> untag.queueUrl(queue).tagKeys("team"));
        assertFalse(sqs.listQueueTags(list -> list.queueUrl(queue)).hasTags());
    }

    @Test
    @DisplayName("04 attributes")
    void queueAttributes() {
        String queue = queue();
        Map<QueueAttributeName, String> some =
                Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "77", QueueAttributeName.DELAY_SECONDS, "3");
        sqs.setQueueAttributes(set -> set.queueUrl(queue).attributes(some));
        assertEquals(some, attributes(queue, QueueAttributeName.VISIBILITY_TIMEOUT, QueueAttributeName.DELAY_SECONDS));
        Map<QueueAttributeName, String> every = attributes(queue, QueueAttributeName.ALL);
        assertEquals("77", every.get(QueueAttributeName.VISIBILITY_TIMEOUT));
        assertEquals("345600", every.get(QueueAttributeName.MESSAGE_RETENTION_PERIOD));
        assertEquals("1048576", every.get(QueueAttributeName.MAXIMUM_MESSAGE_SIZE));
        assertTrue(every.get(QueueAttributeName.QUEUE_ARN).startsWith("arn:aws:sqs:us-east-1:"));
        refused(InvalidAttributeNameException.class, "InvalidAttributeName",
                () -> sqs.getQueueAttributes(get -> get.queueUrl(queue).attributeNamesWithStrings("Nonsense")));
        refused(InvalidAttributeNameException.class, "InvalidAttributeName",
                () -> sqs.setQueueAttributes(set -> set.queueUrl(queue).attributesWithStrings(Map.of("Nonsense", "1"))));
        refused(InvalidAttributeValueException.class, "InvalidAttributeValue", () -> sqs.setQueueAttributes(
                set -> set.queueUrl(queue).attributes(Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "43201"))));
    }

    @Test
    @DisplayName("05 fidelity")
    void fidelity() {
        String queue = queue();
        var sent = sqs.sendMessage(send -> send.queueUrl(queue).messageBody(BODY).messageAttributes(ATTRIBUTES));
        assertEquals(BODY_MD5, sent.md5OfMessageBody());
        assertEquals(ATTRIBUTES_MD5, sent.md5OfMessageAttributes());

        Message plain = receiveOne(queue, more -> more.visibilityTimeout(0));
        assertEquals(BODY, plain.body());
        assertFalse(plain.hasMessageAttributes());
        assertFalse(plain.hasAttributes());
        Message kinds = receiveOne(queue, more -> more.visibilityTimeout(0).messageAttributeNames("kind.*", "absent"));
        assertEquals(Set.of("kind.colour", "kind.size"), kinds.messageAttributes().keySet());
        assertEquals(KIND_MD5, kinds.md5OfMessageAttributes());
        Message whole = receiveOne(queue, more -> more
                .messageAttributeNames("All")
                .messageSystemAttributeNames(MessageSystemAttributeName.ALL));
        assertEquals(sent.messageId(), whole.messageId());
        assertEquals(BODY, whole.body());
        assertEquals(BODY_MD5, whole.md5OfBody());
        assertEquals(ATTRIBUTES, whole.messageAttributes());
        assertEquals(ATTRIBUTES_MD5, whole.md5OfMessageAttributes());
        assertEquals("3", whole.attributes().get(MessageSystemAttributeName.APPROXIMATE_RECEIVE_COUNT));
        long sentAt = Long.parseLong(whole.attributes().get(MessageSystemAttributeName.SENT_TIMESTAMP));
        assertTrue(Math.abs(sentAt - System.currentTimeMillis()) < 300_000);
    }

    @Test
    @DisplayName("06 delete")
    void delete() {
        String queue = queue();
        send(queue, "once");
        String handle = receiveOne(queue, more -> more.visibilityTimeout(1)).receiptHandle();
        sqs.deleteMessage(delete -> delete.queueUrl(queue).receiptHandle(handle));
        sqs.deleteMessage(delete -> delete.queueUrl(queue).receiptHandle(handle));
        assertEquals(List.of(), receive(queue, 2));
        refused(ReceiptHandleIsInvalidException.class, "ReceiptHandleIsInvalid", 404,
                () -> sqs.deleteMessage(delete -> delete.queueUrl(queue).receiptHandle(GARBAGE)));
    }

    @Test
    @DisplayName("07 batch send, partial failure")
    void batchSendPartialFailure() {
        String queue = queue(Map.of(QueueAttributeName.MAXIMUM_MESSAGE_SIZE, "1024"));
        var good = entry("good", BODY).toBuilder().messageAttributes(ATTRIBUTES).build();
        var answer = sqs.sendMessageBatch(send -> send
                .queueUrl(queue)
                .entries(entry("large", "x".repeat(1025)), good, entry("illegal", "bell \u0007")));
        assertEquals(1, answer.successful().size());
        assertEquals("good", answer.successful().get(0).id());
        assertEquals(BODY_MD5, answer.successful().get(0).md5OfMessageBody());
        assertEquals(ATTRIBUTES_MD5, answer.successful().get(0).md5OfMessageAttributes());
        assertEquals(Set.of("large InvalidParameterValue", "illegal InvalidMessageContents"), failures(answer.failed()));
        assertEquals(answer.successful().get(0).messageId(), receiveOne(queue).messageId());
        assertEquals(List.of(), receive(queue, 0));
    }

    @Test
    @DisplayName("08 batch delete and visibility, one bad handle")
    void batchDeleteAndVisibility() {
        String queue = queue();
        var sent = sqs.sendMessageBatch(send -> send
                .queueUrl(queue)
                .entries(entry("0", "message 0"), entry("1", "message 1"), entry("2", "message 2")));
        assertEquals(3, sent.successful().size());
        assertFalse(sent.hasFailed());
        List<String> handles = new ArrayList<>();
        for (int i = 0; i < 6 && handles.size() < 3; i++) {
            receive(queue, 2, more -> more.maxNumberOfMessages(10)).forEach(message -> handles.add(message.receiptHandle()));
        }
        assertEquals(3, handles.size());

        var changed = sqs.changeMessageVisibilityBatch(change -> change.queueUrl(queue).entries(
                ChangeMessageVisibilityBatchRequestEntry.builder()
                        .id("back").receiptHandle(handles.get(0)).visibilityTimeout(0).build(),
                ChangeMessageVisibilityBatchRequestEntry.builder()
                        .id("bad").receiptHandle(GARBAGE).visibilityTimeout(0).build(),
                ChangeMessageVisibilityBatchRequestEntry.builder()
                        .id("keep").receiptHandle(handles.get(1)).visibilityTimeout(100).build()));
        assertEquals(List.of("back", "keep"), changed.successful().stream().map(entry -> entry.id()).toList());
        assertEquals(Set.of("bad ReceiptHandleIsInvalid"), failures(changed.failed()));
        handles.set(0, receiveOne(queue).receiptHandle());

        List<DeleteMessageBatchRequestEntry> batch = Stream.concat(handles.stream(), Stream.of(GARBAGE))
                .map(handle -> DeleteMessageBatchRequestEntry.builder()
                        .id("h" + (handle.equals(GARBAGE) ? "bad" : handles.indexOf(handle)))
                        .receiptHandle(handle)
                        .build())
                .toList();
        var deleted = sqs.deleteMessageBatch(delete -> delete.queueUrl(queue).entries(batch));
        assertEquals(List.of("h0", "h1", "h2"), deleted.successful().stream().map(entry -> entry.id()).toList());
        assertEquals(Set.of("hbad ReceiptHandleIsInvalid"), failures(deleted.failed()));
        assertEquals(Map.of(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES, "0"),
                attributes(queue, QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES));
    }

    @Test
    @DisplayName("09 refused batches")
    void refusedBatches() {
        String queue = queue();
        Consumer<List<SendMessageBatchRequestEntry>> send =
                entries -> sqs.sendMessageBatch(batch -> batch.queueUrl(queue).entries(entries));
        var eleven = IntStream.range(0, 11).mapToObj(n -> entry(Integer.toString(n), "x")).toList();
        refused(EmptyBatchRequestException.class, "AWS.SimpleQueueService.EmptyBatchRequest",
                () -> send.accept(List.of()));
        refused(TooManyEntriesInBatchRequestException.class, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
                () -> send.accept(eleven));
        refused(BatchEntryIdsNotDistinctException.class, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
                () -> send.accept(List.of(entry("same", "x"), entry("same", "x"))));
        refused(InvalidBatchEntryIdException.class, "AWS.SimpleQueueService.InvalidBatchEntryId",
                () -> send.accept(List.of(entry("not valid!", "x"))));
        assertEquals(List.of(), receive(queue, 0));
    }

    @Test
    @DisplayName("10 long poll, woken")
    void longPollWoken() throws CompletionException {
        String queue = queue();
        long started = System.nanoTime();
        var later = CompletableFuture.delayedExecutor(500, TimeUnit.MILLISECONDS);
        var sent = CompletableFuture.runAsync(() -> send(queue, "wake up"), later);
        Message message = receiveOne(queue, more -> more.waitTimeSeconds(20));
        assertTrue(since(started).toSeconds() < 20, "it waited to the end");
        assertEquals("wake up", message.body());
        sent.join();
    }

    @Test
    @DisplayName("11 long poll, empty")
    void longPollEmpty() {
        String queue = queue();
        long started = System.nanoTime();
        assertFalse(sqs.receiveMessage(receive -> receive.queueUrl(queue).waitTimeSeconds(1)).hasMessages());
        assertTrue(since(started).toMillis() >= 900, "it did not wait");
    }

    @Test
    @DisplayName("12 delay")
    void delay() {
        String queue = queue();
        long sent = System.nanoTime();
        sqs.sendMessage(send -> send.queueUrl(queue).messageBody("later").delaySeconds(1));
        List<Message> early = receive(queue, 0);
        if (soonAfter(sent)) { // else the machine is too slow for this half to say anything
            assertEquals(List.of(), early);
        }
        assertEquals("later", (early.isEmpty() ? receiveOne(queue) : early.get(0)).body());
    }

    @Test
    @DisplayName("13 visibility timeout")
    void visibilityTimeout() {
        String queue = queue();
        send(queue, "again");
        long asked = System.nanoTime();
        Consumer<ReceiveMessageRequest.Builder> count = more -> more
                .visibilityTimeout(1)
                .messageSystemAttributeNames(MessageSystemAttributeName.APPROXIMATE_RECEIVE_COUNT);
        Message first = receiveOne(queue, count);
        assertEquals(Map.of("ApproximateReceiveCount", "1"), first.attributesAsStrings());
        List<Message> hidden = receive(queue, 0, count);
        if (soonAfter(asked)) {
            assertEquals(List.of(), hidden);
        }
        Message second = hidden.isEmpty() ? receiveOne(queue, count) : hidden.get(0);
        assertEquals(first.messageId(), second.messageId());
        assertNotEquals(first.receiptHandle(), second.receiptHandle());
        assertEquals(Map.of("ApproximateReceiveCount", "2"), second.attributesAsStrings());
    }

    @Test
    @DisplayName("14 change visibility")
    void changeVisibility() {
        String queue = queue();
        send(queue, "back and forth");
        Message first = receiveOne(queue, more -> more.visibilityTimeout(300));
        assertEquals(List.of(), receive(queue, 0));
        sqs.changeMessageVisibility(
                change -> change.queueUrl(queue).receiptHandle(first.receiptHandle()).visibilityTimeout(0));
        Message second = receiveOne(queue, more -> more.waitTimeSeconds(0).visibilityTimeout(1));
        sqs.changeMessageVisibility(
                change -> change.queueUrl(queue).receiptHandle(second.receiptHandle()).visibilityTimeout(100));
        assertEquals(List.of(), receive(queue, 2));
    }

    @Test
    @DisplayName("15 purge")
    void purge() {
        String queue = queue();
        IntStream.range(0, 3).forEach(n -> send(queue, "gone"));
        receive(queue, 0);
        sqs.purgeQueue(purge -> purge.queueUrl(queue));
        assertEquals(List.of(), receive(queue, 1));
        refused(PurgeQueueInProgressException.class, "AWS.SimpleQueueService.PurgeQueueInProgress", 403,
                () -> sqs.purgeQueue(purge -> purge.queueUrl(queue)));
        send(queue, "after");
        assertEquals("after", receiveOne(queue).body());
    }

    @Test
    @DisplayName("16 delete the queue")
    void deleteQueue() {
        String queue = queue();
        sqs.deleteQueue(delete -> delete.queueUrl(queue));
        refused(QueueDoesNotExistException.class, "AWS.SimpleQueueService.NonExistentQueue", () -> send(queue, "too late"));
        refused(QueueDeletedRecentlyException.class, "AWS.SimpleQueueService.QueueDeletedRecently", this::queue);
    }

    @Test
    @DisplayName("17 refusals without a type")
    void refusalsWithoutAType() {
        String queue = queue();
        refused(SqsException.class, "InvalidParameterValue",
                () -> sqs.sendMessage(send -> send.queueUrl(queue).messageBody("x").delaySeconds(901)));
        refused(SqsException.class, "InvalidParameterValue", () -> receive(queue, 0, more -> more.maxNumberOfMessages(11)));
        refused(SqsException.class, "MissingParameter", () -> send(queue, ""));
        refused(InvalidMessageContentsException.class, "InvalidMessageContents", () -> send(queue, "nul \0"));
        assertEquals(List.of(), receive(queue, 0));
    }
}
