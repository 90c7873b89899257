package shop;

import io.awspring.cloud.sqs.annotation.SqsListener;
import io.awspring.cloud.sqs.listener.SqsHeaders;
import io.awspring.cloud.sqs.listener.Visibility;
import io.awspring.cloud.sqs.listener.acknowledgement.Acknowledgement;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.messaging.Message;
import org.springframework.messaging.handler.annotation.Header;

/** An application as a user writes it. Its listeners keep what they saw, so that the tests can look at it. */
@SpringBootApplication
public class Shop {
    public record Order(int number, String item) {}

    final Map<String, List<Object>> seen = new ConcurrentHashMap<>();

    List<Object> seen(String listener) {
        return seen.computeIfAbsent(listener, key -> new CopyOnWriteArrayList<>());
    }

    public static void main(String[] arguments) {
        SpringApplication.run(Shop.class, arguments);
    }

    @SqsListener("${shop.orders}")
    void order(Order order) {
        seen("orders").add(order);
    }

    @SqsListener("${shop.headers}")
    void headers(Message<String> message) {
        seen("headers").add(message);
    }

    @SqsListener("${shop.batches}")
    void batch(List<Message<String>> messages) {
        messages.forEach(message -> seen("batches").add(message.getPayload()));
    }

    /** Fails the first time. */
    @SqsListener(queueNames = "${shop.retried}", messageVisibilitySeconds = "5")
    void retried(String body, @Header(SqsHeaders.MessageSystemAttributes.SQS_APPROXIMATE_RECEIVE_COUNT) String receives) {
        seen("retried").add(body + " " + receives);
        if (receives.equals("1")) {
            throw new IllegalStateException("not yet");
        }
    }

    /** Fails always, and wants to see the message again at once. */
    @SqsListener("${shop.failing}")
    void failing(
            String body,
            @Header(SqsHeaders.MessageSystemAttributes.SQS_APPROXIMATE_RECEIVE_COUNT) String receives,
            Visibility visibility) {
        seen("failing").add(body + " " + receives);
        visibility.changeTo(0);
        throw new IllegalStateException("no");
    }

    /** Acknowledges the second receive only. */
    @SqsListener(queueNames = "${shop.manual}", acknowledgementMode = "MANUAL", messageVisibilitySeconds = "5")
    void manual(
            String body,
            @Header(SqsHeaders.MessageSystemAttributes.SQS_APPROXIMATE_RECEIVE_COUNT) String receives,
            Acknowledgement acknowledgement) {
        seen("manual").add(body + " " + receives);
        if (receives.equals("2")) {
            acknowledgement.acknowledge();
        }
    }

    /** Fails once, in the middle of a group. */
    @SqsListener(queueNames = "${shop.fifo}", messageVisibilitySeconds = "5")
    void fifo(
            String body,
            @Header(SqsHeaders.MessageSystemAttributes.SQS_MESSAGE_GROUP_ID_HEADER) String group,
            @Header(SqsHeaders.MessageSystemAttributes.SQS_APPROXIMATE_RECEIVE_COUNT) String receives) {
        if (body.equals("4") && receives.equals("1")) {
            seen("fifo failed").add(body);
            throw new IllegalStateException("not yet");
        }
        seen("fifo " + group).add(Integer.valueOf(body));
    }
}
