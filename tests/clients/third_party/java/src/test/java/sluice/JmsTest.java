package sluice;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.amazon.sqs.javamessaging.AmazonSQSExtendedClient;
import com.amazon.sqs.javamessaging.ExtendedClientConfiguration;
import com.amazon.sqs.javamessaging.ProviderConfiguration;
import com.amazon.sqs.javamessaging.SQSConnection;
import com.amazon.sqs.javamessaging.SQSConnectionFactory;
import com.amazon.sqs.javamessaging.SQSSession;
import jakarta.jms.BytesMessage;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.ObjectMessage;
import jakarta.jms.Queue;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;

/** The Amazon SQS Java Messaging Library: JMS as its guide shows it. */
class JmsTest {
    private static final int WAIT_MILLIS = 30_000;

    private final Server server = new Server();
    private final List<SQSConnection> open = new ArrayList<>();

    private SQSConnection connection(SqsClient client, int prefetch) throws Exception {
        ProviderConfiguration provider = new ProviderConfiguration().withNumberOfMessagesToPrefetch(prefetch);
        SQSConnection connection = new SQSConnectionFactory(provider, client).createConnection();
        open.add(connection);
        return connection;
    }

    /** Without prefetching: closing a consumer would wait for the last of its long polls of 20 seconds. */
    private SQSConnection connection() throws Exception {
        return connection(Server.builder().build(), 0);
    }

    @AfterEach
    void close() throws Exception {
        for (SQSConnection connection : open) {
            connection.close();
        }
    }

    private static void sendTexts(Session session, Queue queue, int count) throws Exception {
        MessageProducer producer = session.createProducer(queue);
        for (int number = 0; number < count; number++) {
            producer.send(session.createTextMessage("message " + number));
        }
    }

    private static String text(Message message) throws Exception {
        assertNotNull(message, "no message");
        return ((TextMessage) message).getText();
    }

    @Test
    void messagesOfAllKindsWithProperties() throws Exception {
        String name = Server.fresh("kinds");
        SQSConnection connection = connection();
        assertFalse(connection.getWrappedAmazonSQSClient().queueExists(name));
        connection.getWrappedAmazonSQSClient().createQueue(name);
        assertTrue(connection.getWrappedAmazonSQSClient().queueExists(name));
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Queue queue = session.createQueue(name);
        MessageProducer producer = session.createProducer(queue);
        MessageConsumer consumer = session.createConsumer(queue);
        connection.start();

        TextMessage sent = session.createTextMessage("naïve 😀 <&>");
        sent.setStringProperty("colour", "blue");
        sent.setIntProperty("size", 7);
        sent.setBooleanProperty("fragile", true);
        sent.setLongProperty("long", Long.MIN_VALUE);
        sent.setDoubleProperty("double", 0.25);
        sent.setJMSCorrelationID("correlation");
        sent.setJMSReplyTo(queue);
        producer.send(sent);
        Message message = consumer.receive(WAIT_MILLIS);
        assertEquals("naïve 😀 <&>", text(message));
        assertEquals(sent.getJMSMessageID(), message.getJMSMessageID());
        assertEquals("blue", message.getStringProperty("colour"));
        assertEquals(7, message.getIntProperty("size"));
        assertTrue(message.getBooleanProperty("fragile"));
        assertEquals(Long.MIN_VALUE, message.getLongProperty("long"));
        assertEquals(0.25, message.getDoubleProperty("double"));
        assertEquals("correlation", message.getJMSCorrelationID());
        assertEquals(queue, message.getJMSReplyTo());
        assertEquals(1, message.getIntProperty("JMSXDeliveryCount"));
        assertFalse(message.getJMSRedelivered());

        BytesMessage bytes = session.createBytesMessage();
        bytes.writeBytes(new byte[] {0, -1, 13, 10, 0});
        producer.send(bytes);
        BytesMessage received = (BytesMessage) consumer.receive(WAIT_MILLIS);
        byte[] content = new byte[(int) received.getBodyLength()];
        received.readBytes(content);
        assertArrayEquals(new byte[] {0, -1, 13, 10, 0}, content);

        producer.send(session.createObjectMessage(new ArrayList<>(List.of("a", 1))));
        assertEquals(List.of("a", 1), ((ObjectMessage) consumer.receive(WAIT_MILLIS)).getObject());
        assertNull(consumer.receiveNoWait());
        assertEquals("0 0 0", server.counts(name));
    }

    @Test
    void aListenerGetsEveryMessageOnce() throws Exception {
        String name = Server.fresh("listener");
        server.create(name, Map.of());
        SQSConnection connection = connection();
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Queue queue = session.createQueue(name);
        List<String> seen = Collections.synchronizedList(new ArrayList<>());
        session.createConsumer(queue).setMessageListener(message -> {
            try {
                seen.add(text(message));
            } catch (Exception error) {
                seen.add(error.toString());
            }
        });
        connection.start();
        sendTexts(connection().createSession(false, Session.AUTO_ACKNOWLEDGE), queue, 40);
        Server.until("not all messages came", () -> seen.size() >= 40);
        server.untilCounts(name, "0 0 0");
        assertEquals(
                IntStream.range(0, 40).mapToObj(number -> "message " + number).sorted().toList(),
                seen.stream().sorted().toList());
    }

    @Test
    void aListenerThatFailsGetsTheMessageAgainUntilItIsDead() throws Exception {
        String name = Server.fresh("failing");
        String dead = server.createWithDeadLetters(name);
        SQSConnection connection = connection();
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Queue queue = session.createQueue(name);
        List<Integer> deliveries = Collections.synchronizedList(new ArrayList<>());
        session.createConsumer(queue).setMessageListener(message -> {
            try {
                deliveries.add(message.getIntProperty("JMSXDeliveryCount"));
            } catch (Exception error) {
                deliveries.add(-1);
            }
            throw new IllegalStateException("no");
        });
        sendTexts(session, queue, 1);
        connection.start();
        server.untilCounts(dead, "1 0 0");
        assertEquals("0 0 0", server.counts(name));
        assertEquals(List.of(1, 2), deliveries);
    }

    @Test
    void aFifoGroupGoesOnWhenTheMessageThatFailsIsDead() throws Exception {
        String name = Server.fresh("poison") + ".fifo";
        String dead = server.createWithDeadLetters(name);
        SQSConnection connection = connection();
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Queue queue = session.createQueue(name);
        MessageProducer producer = session.createProducer(queue);
        for (String body : List.of("poison", "food", "water")) {
            TextMessage message = session.createTextMessage(body);
            message.setStringProperty("JMSXGroupID", "group");
            message.setStringProperty("JMS_SQS_DeduplicationId", body);
            producer.send(message);
        }
        List<String> seen = Collections.synchronizedList(new ArrayList<>());
        session.createConsumer(queue).setMessageListener(message -> {
            String body;
            try {
                body = text(message);
            } catch (Exception error) {
                body = error.toString();
            }
            seen.add(body);
            if (body.equals("poison")) {
                throw new IllegalStateException("no");
            }
        });
        connection.start();
        server.untilCounts(dead, "1 0 0");
        server.untilCounts(name, "0 0 0");
        assertEquals(List.of("poison", "poison", "food", "water"), seen);
        MessageConsumer letters = session.createConsumer(session.createQueue(dead));
        Message letter = letters.receive(WAIT_MILLIS);
        assertEquals("poison", text(letter));
        assertEquals("group", letter.getStringProperty("JMSXGroupID"));
    }

    @Test
    void clientAcknowledgeTakesAllBefore() throws Exception {
        String name = Server.fresh("client");
        server.create(name, Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "3600"));
        SQSConnection connection = connection();
        Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
        Queue queue = session.createQueue(name);
        sendTexts(session, queue, 4);
        MessageConsumer consumer = session.createConsumer(queue);
        connection.start();
        consumer.receive(WAIT_MILLIS);
        consumer.receive(WAIT_MILLIS);
        consumer.receive(WAIT_MILLIS).acknowledge();
        assertEquals("1 0 0", server.counts(name));

        String last = text(consumer.receive(WAIT_MILLIS));
        assertEquals("0 1 0", server.counts(name));
        session.recover();
        Message again = consumer.receive(WAIT_MILLIS);
        assertEquals(last, text(again));
        assertTrue(again.getJMSRedelivered());
        assertEquals(2, again.getIntProperty("JMSXDeliveryCount"));
        again.acknowledge();
        assertEquals("0 0 0", server.counts(name));
    }

    @Test
    void unorderedAcknowledgeTakesOne() throws Exception {
        String name = Server.fresh("unordered");
        server.create(name, Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "3600"));
        SQSConnection connection = connection();
        Session session = connection.createSession(false, SQSSession.UNORDERED_ACKNOWLEDGE);
        Queue queue = session.createQueue(name);
        sendTexts(session, queue, 3);
        MessageConsumer consumer = session.createConsumer(queue);
        connection.start();
        String first = text(consumer.receive(WAIT_MILLIS));
        consumer.receive(WAIT_MILLIS).acknowledge();
        String third = text(consumer.receive(WAIT_MILLIS));
        assertEquals("0 2 0", server.counts(name));
        session.close(); // gives back what is not acknowledged
        server.untilCounts(name, "2 0 0");

        Session second = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        MessageConsumer other = second.createConsumer(queue);
        List<String> rest = List.of(text(other.receive(WAIT_MILLIS)), text(other.receive(WAIT_MILLIS)));
        assertEquals(List.of(first, third).stream().sorted().toList(), rest.stream().sorted().toList());
        assertEquals("0 0 0", server.counts(name));
    }

    @Test
    void aFifoQueueKeepsOrderWithinGroups() throws Exception {
        String name = Server.fresh("fifo") + ".fifo";
        server.create(name, Map.of(QueueAttributeName.FIFO_QUEUE, "true"));
        SQSConnection connection = connection(Server.builder().build(), 10);
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Queue queue = session.createQueue(name);
        MessageProducer producer = session.createProducer(queue);
        for (int number = 0; number < 12; number++) {
            TextMessage message = session.createTextMessage(Integer.toString(number));
            message.setStringProperty("JMSXGroupID", "group-" + number % 3);
            message.setStringProperty("JMS_SQS_DeduplicationId", Integer.toString(number));
            producer.send(message);
            producer.send(message); // a duplicate
        }
        MessageConsumer consumer = session.createConsumer(queue);
        connection.start();
        Map<String, List<Integer>> seen = new HashMap<>();
        for (int count = 0; count < 12; count++) {
            Message message = consumer.receive(WAIT_MILLIS);
            int number = Integer.parseInt(text(message));
            assertEquals("group-" + number % 3, message.getStringProperty("JMSXGroupID"));
            assertEquals(Integer.toString(number), message.getStringProperty("JMS_SQS_DeduplicationId"));
            assertTrue(message.getStringProperty("JMS_SQS_SequenceNumber").length() >= 20);
            seen.computeIfAbsent(message.getStringProperty("JMSXGroupID"), key -> new ArrayList<>()).add(number);
        }
        assertEquals(List.of(0, 3, 6, 9), seen.get("group-0"));
        assertEquals(List.of(1, 4, 7, 10), seen.get("group-1"));
        assertEquals(List.of(2, 5, 8, 11), seen.get("group-2"));
        assertEquals("0 0 0", server.counts(name));
    }

    @Test
    void aDeliveryDelayIsKept() throws Exception {
        String name = Server.fresh("delay");
        server.create(name, Map.of());
        SQSConnection connection = connection();
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Queue queue = session.createQueue(name);
        MessageProducer producer = session.createProducer(queue);
        producer.setDeliveryDelay(2000);
        long due = System.nanoTime() + 2_000_000_000L;
        producer.send(session.createTextMessage("later"));
        MessageConsumer consumer = session.createConsumer(queue);
        connection.start();
        assertEquals("later", text(consumer.receive(WAIT_MILLIS)));
        assertTrue(System.nanoTime() >= due);
    }

    @Test
    void largeMessagesOverTheExtendedClient() throws Exception {
        String name = Server.fresh("large");
        server.create(name, Map.of());
        MemoryS3 s3 = new MemoryS3();
        ExtendedClientConfiguration settings = new ExtendedClientConfiguration().withPayloadSupportEnabled(s3, "bucket");
        SQSConnection connection = connection(new AmazonSQSExtendedClient(Server.builder().build(), settings), 0);
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Queue queue = session.createQueue(name);
        MessageConsumer consumer = session.createConsumer(queue);
        connection.start();
        String body = "😀".repeat(600_000);
        session.createProducer(queue).send(session.createTextMessage(body));
        assertEquals(1, s3.objects.size());
        assertEquals(body, text(consumer.receive(WAIT_MILLIS)));
        assertEquals("0 0 0", server.counts(name));
        assertEquals(Map.of(), s3.objects);
    }
}
