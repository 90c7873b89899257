package sluice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static software.amazon.awssdk.utils.FunctionalUtils.invokeSafely;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.List;
import java.util.UUID;
import java.util.function.UnaryOperator;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.http.ContentStreamProvider;
import software.amazon.awssdk.http.ExecutableHttpRequest;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.SqsClientBuilder;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.SqsException;
import software.amazon.awssdk.utils.IoUtils;

/** TLS, and who calls: see ../README.md. Endpoint, trusted authority and profiles come from the environment. */
class TlsTest {
    private static final String WRONG = "SignatureDoesNotMatch";

    private final String name = "java-tls-" + UUID.randomUUID();

    private static SqsClientBuilder as(String profile) {
        return SqsClient.builder()
                .region(Region.US_EAST_1)
                .credentialsProvider(ProfileCredentialsProvider.create(profile))
                .httpClient(UrlConnectionHttpClient.create());
    }

    private void createRefused(String code, SqsClientBuilder builder) {
        try (SqsClient sqs = builder.build()) {
            SqsException error =
                    assertThrows(SqsException.class, () -> sqs.createQueue(create -> create.queueName(name)));
            assertEquals(code, error.awsErrorDetails().errorCode());
            assertEquals(403, error.statusCode());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"right", "temporary"})
    void theRightKeyGetsIn(String profile) {
        try (SqsClient sqs = as(profile).build()) {
            String queue = sqs.createQueue(create -> create.queueName(name)).queueUrl();
            assertTrue(queue.startsWith(System.getenv("SLUICE_ENDPOINT") + "/"), queue);
            sqs.sendMessage(send -> send.queueUrl(queue).messageBody("naïve 😀"));
            List<Message> messages =
                    sqs.receiveMessage(receive -> receive.queueUrl(queue).waitTimeSeconds(10)).messages();
            assertEquals(List.of("naïve 😀"), messages.stream().map(Message::body).toList());
            sqs.deleteMessage(delete -> delete.queueUrl(queue).receiptHandle(messages.get(0).receiptHandle()));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "wrong-secret, us-east-1, SignatureDoesNotMatch",
        "right, eu-west-1, SignatureDoesNotMatch",
        "unknown, us-east-1, InvalidClientTokenId",
        "inactive, us-east-1, InvalidClientTokenId",
        "wrong-token, us-east-1, InvalidClientTokenId",
        "reader, us-east-1, AccessDenied",
    })
    void othersDoNot(String profile, String region, String code) {
        createRefused(code, as(profile).region(Region.of(region)));
    }

    /** Changes what the SDK has signed. */
    private record Changing(UnaryOperator<HttpExecuteRequest> change, SdkHttpClient inner) implements SdkHttpClient {
        @Override
        public ExecutableHttpRequest prepareRequest(HttpExecuteRequest signed) {
            return inner.prepareRequest(change.apply(signed));
        }

        @Override
        public void close() {
            inner.close();
        }
    }

    private void changedIsRefused(UnaryOperator<HttpExecuteRequest> change) {
        createRefused(WRONG, as("right").httpClient(new Changing(change, UrlConnectionHttpClient.create())));
    }

    @Test
    void aBodyThatWasChangedOnTheWay() {
        changedIsRefused(signed -> {
            InputStream body = signed.contentStreamProvider().get().newStream();
            String changed = invokeSafely(() -> IoUtils.toUtf8String(body)).replace("java-tls-", "java-tlt-");
            return HttpExecuteRequest.builder()
                    .request(signed.httpRequest())
                    .contentStreamProvider(ContentStreamProvider.fromUtf8String(changed))
                    .build();
        });
    }

    @Test
    void aHeaderThatWasChangedOnTheWay() {
        changedIsRefused(signed -> HttpExecuteRequest.builder()
                .request(signed.httpRequest().copy(head -> head.putHeader("X-Amz-Target", "AmazonSQS.DeleteQueue")))
                .contentStreamProvider(signed.contentStreamProvider().get())
                .build());
    }

    @Test
    void anAuthorityThatIsNotTrusted() throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream other = Files.newInputStream(Path.of(System.getenv("SLUICE_OTHER_AUTHORITY")))) {
            store.setCertificateEntry("other", CertificateFactory.getInstance("X.509").generateCertificate(other));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SdkHttpClient client = UrlConnectionHttpClient.builder()
                .tlsTrustManagersProvider(trust::getTrustManagers)
                .build();
        try (SqsClient sqs = as("right").httpClient(client).build()) {
            SdkClientException error = assertThrows(SdkClientException.class, sqs::listQueues);
            assertInstanceOf(SSLHandshakeException.class, error.getCause());
        }
    }
}
