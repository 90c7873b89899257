package shop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.awspring.cloud.sqs.listener.SqsHeaders;
import io.awspring.cloud.sqs.operations.SqsTemplate;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.core.env.Environment;
import org.springframework.messaging.Message;
import org.springframework.messaging.support.MessageBuilder;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import shop.Shop.Order;
import software.amazon.awssdk.services.sqs.SqsAsyncClient;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;

/** Listeners of a Spring Boot application. Their queues do not exist before it starts: Spring Cloud AWS creates them. */
@SpringBootTest
class ShopTest {
    private static final long WAIT_NANOS = 60_000_000_000L;
    private static final String RUN = "-" + UUID.randomUUID();

    @Autowired
    private Shop shop;

    @Autowired
    private SqsTemplate template;

    @Autowired
    private SqsAsyncClient sqs;

    @Autowired
    private Environment environment;

    @DynamicPropertySource
    static void queues(DynamicPropertyRegistry registry) {
        for (String name : List.of("orders", "headers", "batches", "retried", "failing", "manual")) {
            registry.add("shop." + name, () -> "spring-" + name + RUN);
        }
        registry.add("shop.fifo", () -> "spring-fifo" + RUN + ".fifo");
    }

    private static void until(String described, Callable<Boolean> question) throws Exception {
        for (long deadline = System.nanoTime() + WAIT_NANOS; !question.call(); Thread.sleep(50)) {
            assertTrue(System.nanoTime() < deadline, described);
        }
    }

    private String queue(String name) {
        return environment.getProperty("shop." + name);
    }

    private String url(String queue) {
        return sqs.getQueueUrl(get -> get.queueName(queue)).join().queueUrl();
    }

    private String attribute(String queue, QueueAttributeName name) {
        return sqs.getQueueAttributes(get -> get.queueUrl(url(queue)).attributeNames(name)).join().attributes().get(name);
    }

    private void untilEmpty(String queue) throws Exception {
        until(queue + " did not become empty", () -> attribute(queue, QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES).equals("0")
                && attribute(queue, QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE).equals("0"));
    }

    @Test
    void payloadsAreJson() throws Exception {
        List<Object> orders = IntStream.range(0, 50).<Object>mapToObj(number -> new Order(number, "naïve 😀")).toList();
        orders.forEach(order -> template.send(queue("orders"), order));
        until("not all orders came", () -> shop.seen("orders").size() >= 50);
        untilEmpty(queue("orders"));
        assertEquals(50, shop.seen("orders").size());
        assertTrue(shop.seen("orders").containsAll(orders));
    }

    @Test
    void headersAreMessageAttributes() throws Exception {
        template.send(to -> to.queue(queue("headers")).payload("hello").header("colour", "blue").header("size", 7).delaySeconds(1));
        until("no message", () -> !shop.seen("headers").isEmpty());
        Message<?> message = (Message<?>) shop.seen("headers").get(0);
        assertEquals("hello", message.getPayload());
        assertEquals("blue", message.getHeaders().get("colour"));
        assertEquals(7, message.getHeaders().get("size"));
        assertEquals("1", message.getHeaders().get(SqsHeaders.MessageSystemAttributes.SQS_APPROXIMATE_RECEIVE_COUNT));
        untilEmpty(queue("headers"));
    }

    @Test
    void batches() throws Exception {
        List<Message<String>> messages = IntStream.range(0, 10)
                .mapToObj(number -> MessageBuilder.withPayload("message " + number).build())
                .toList();
        assertEquals(10, template.sendMany(queue("batches"), messages).successful().size());
        until("not all messages came", () -> shop.seen("batches").size() >= 10);
        untilEmpty(queue("batches"));
        assertEquals(10, shop.seen("batches").stream().distinct().count());
    }

    @Test
    void aFailedMessageComesAgainAfterItsVisibilityTimeout() throws Exception {
        template.send(queue("retried"), "hello");
        until("no second receive", () -> shop.seen("retried").size() >= 2);
        untilEmpty(queue("retried"));
        assertEquals(List.of("hello 1", "hello 2"), shop.seen("retried"));
    }

    @Test
    void aMessageThatAlwaysFailsBecomesADeadLetter() throws Exception {
        String dead = "spring-dead" + RUN;
        sqs.createQueue(create -> create.queueName(dead)).join();
        String policy = "{\"deadLetterTargetArn\":\"" + attribute(dead, QueueAttributeName.QUEUE_ARN) + "\",\"maxReceiveCount\":3}";
        sqs.setQueueAttributes(set ->
                        set.queueUrl(url(queue("failing"))).attributes(Map.of(QueueAttributeName.REDRIVE_POLICY, policy)))
                .join();
        template.send(queue("failing"), "poison");
        Optional<Message<String>> letter = template.receive(
                from -> from.queue(dead).pollTimeout(Duration.ofSeconds(20)), String.class);
        assertEquals("poison", letter.orElseThrow().getPayload());
        assertEquals(List.of("poison 1", "poison 2", "poison 3"), shop.seen("failing"));
        untilEmpty(queue("failing"));
    }

    @Test
    void manualAcknowledgement() throws Exception {
        template.send(queue("manual"), "hello");
        until("no second receive", () -> shop.seen("manual").size() >= 2);
        untilEmpty(queue("manual"));
        assertEquals(List.of("hello 1", "hello 2"), shop.seen("manual"));
    }

    @Test
    void aFifoQueueKeepsOrderWithinGroupsOverAFailure() throws Exception {
        for (int number = 0; number < 12; number++) {
            String body = Integer.toString(number);
            String group = "group-" + number % 2;
            template.send(to -> to.queue(queue("fifo")).payload(body).messageGroupId(group).messageDeduplicationId(body));
        }
        until("not all messages came", () -> shop.seen("fifo group-0").size() + shop.seen("fifo group-1").size() >= 12);
        untilEmpty(queue("fifo"));
        assertEquals(List.of("4"), shop.seen("fifo failed"));
        assertEquals(List.of(0, 2, 4, 6, 8, 10), shop.seen("fifo group-0"));
        assertEquals(List.of(1, 3, 5, 7, 9, 11), shop.seen("fifo group-1"));
    }

    @Test
    void theTemplateReceives() {
        String queue = "spring-template" + RUN;
        sqs.createQueue(create -> create.queueName(queue)).join();
        template.send(queue, new Order(1, "apple"));
        template.send(queue, new Order(2, "pear"));
        var received = template.receiveMany(
                from -> from.queue(queue).maxNumberOfMessages(10).pollTimeout(Duration.ofSeconds(10)), Order.class);
        assertEquals(
                Set.of(new Order(1, "apple"), new Order(2, "pear")),
                received.stream().map(Message::getPayload).collect(Collectors.toSet()));
        assertEquals("0", attribute(queue, QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE));
    }
}
