package sluice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.sqs.SqsAsyncClient;
import software.amazon.awssdk.services.sqs.batchmanager.SqsAsyncBatchManager;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.SendMessageResponse;
import software.amazon.awssdk.services.sqs.model.SqsException;

/** The SDK's automatic batching: single calls go out as batches, messages are received ahead. */
class BatchManagerTest {
    private final Server server = new Server();
    private final String name = Server.fresh("batching");

    @Test
    void aThousandMessagesGoThroughOnceEach() throws Exception {
        String queue = server.create(name, Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "3600"));
        try (SqsAsyncClient client = Server.async(); SqsAsyncBatchManager batches = client.batchManager()) {
            List<CompletableFuture<SendMessageResponse>> sends = IntStream.range(0, 1000)
                    .mapToObj(number -> batches.sendMessage(send -> send.queueUrl(queue).messageBody("message " + number)))
                    .toList();
            Set<String> ids = new HashSet<>();
            for (CompletableFuture<SendMessageResponse> send : sends) {
                ids.add(send.join().messageId());
            }
            assertEquals(1000, ids.size());

            Set<String> bodies = new HashSet<>();
            List<CompletableFuture<?>> deletes = new ArrayList<>();
            int received = 0;
            while (received < 1000) {
                for (Message message : batches.receiveMessage(receive -> receive.queueUrl(queue)).join().messages()) {
                    received++;
                    bodies.add(message.body());
                    deletes.add(batches.deleteMessage(
                            delete -> delete.queueUrl(queue).receiptHandle(message.receiptHandle())));
                }
            }
            CompletableFuture.allOf(deletes.toArray(CompletableFuture[]::new)).join();
            assertEquals(1000, bodies.size());
            assertEquals("0 0 0", server.counts(name));
        }
    }

    @Test
    void visibilityChangesAndTheErrorOfOneEntry() throws Exception {
        String queue = server.create(name, Map.of(QueueAttributeName.MAXIMUM_MESSAGE_SIZE, "1024"));
        try (SqsAsyncClient client = Server.async(); SqsAsyncBatchManager batches = client.batchManager()) {
            var good = batches.sendMessage(send -> send.queueUrl(queue).messageBody("good"));
            var large = batches.sendMessage(send -> send.queueUrl(queue).messageBody("x".repeat(1025)));
            good.join();
            Throwable cause = assertThrows(CompletionException.class, large::join).getCause();
            assertEquals("InvalidParameterValue", assertInstanceOf(SqsException.class, cause).awsErrorDetails().errorCode());

            Message message = server.sqs.receiveMessage(receive -> receive.queueUrl(queue).waitTimeSeconds(10)).messages().get(0);
            batches.changeMessageVisibility(change ->
                            change.queueUrl(queue).receiptHandle(message.receiptHandle()).visibilityTimeout(0))
                    .join();
            assertEquals("1 0 0", server.counts(name));
            var bad = batches.deleteMessage(delete -> delete.queueUrl(queue).receiptHandle("garbage"));
            cause = assertThrows(CompletionException.class, bad::join).getCause();
            assertEquals("ReceiptHandleIsInvalid", assertInstanceOf(SqsException.class, cause).awsErrorDetails().errorCode());
        }
    }
}
