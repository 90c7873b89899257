package sluice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.argumentSet;
import static software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner.SERVICE_SIGNING_NAME;
import static software.amazon.awssdk.http.auth.spi.signer.HttpSigner.SIGNING_CLOCK;
import static software.amazon.awssdk.utils.FunctionalUtils.invokeSafely;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
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
import software.amazon.awssdk.services.sqs.auth.scheme.SqsAuthSchemeProvider;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.SqsException;
import software.amazon.awssdk.utils.IoUtils;

/** TLS, and who calls: see ../README.md. Endpoint, trusted authority and profiles come from the environment. */
class TlsTest {
    private static final String WRONG = "SignatureDoesNotMatch";
    /** For which a signature is good. */
    private static final Duration WINDOW = Duration.ofMinutes(15);
    /** That a request may take, if it is signed so long before its time is over. */
    private static final Duration MARGIN = Duration.ofSeconds(10);

    private final String name = "java-tls-" + UUID.randomUUID();

    private static SqsClientBuilder as(String profile) {
        return SqsClient.builder()
                .region(Region.US_EAST_1)
                .credentialsProvider(ProfileCredentialsProvider.create(profile))
                .httpClient(UrlConnectionHttpClient.create());
    }

    private void createRefused(String code, String said, SqsClientBuilder builder) {
        try (SqsClient sqs = builder.build()) {
            SqsException error =
                    assertThrows(SqsException.class, () -> sqs.createQueue(create -> create.queueName(name)));
            assertEquals(code, error.awsErrorDetails().errorCode());
            assertEquals(403, error.statusCode());
            String text = error.awsErrorDetails().errorMessage();
            assertTrue(text.contains(said), text);
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
        createRefused(code, "", as(profile).region(Region.of(region)));
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

    private static SqsClientBuilder changing(UnaryOperator<HttpExecuteRequest> change) {
        return as("right").httpClient(new Changing(change, UrlConnectionHttpClient.create()));
    }

    /** Signs with another clock, for a service. */
    private static SqsClientBuilder signing(String service, Duration ahead) {
        Clock clock = Clock.offset(Clock.systemUTC(), ahead);
        SqsAuthSchemeProvider usual = SqsAuthSchemeProvider.defaultProvider();
        return as("right").authSchemeProvider(parameters -> usual.resolveAuthScheme(parameters).stream()
                .map(option -> option.copy(other -> other.putSignerProperty(SERVICE_SIGNING_NAME, service)
                        .putSignerProperty(SIGNING_CLOCK, clock)))
                .toList());
    }

    private static HttpExecuteRequest otherBody(HttpExecuteRequest signed) {
        InputStream body = signed.contentStreamProvider().get().newStream();
        String changed = invokeSafely(() -> IoUtils.toUtf8String(body)).replace("java-tls-", "java-tlt-");
        return HttpExecuteRequest.builder()
                .request(signed.httpRequest())
                .contentStreamProvider(ContentStreamProvider.fromUtf8String(changed))
                .build();
    }

    private static HttpExecuteRequest with(String header, String value, HttpExecuteRequest signed) {
        return HttpExecuteRequest.builder()
                .request(signed.httpRequest().copy(head -> head.putHeader(header, value)))
                .contentStreamProvider(signed.contentStreamProvider().get())
                .build();
    }

    static Stream<Arguments> signedOtherwise() {
        Duration tooMuch = WINDOW.plusMinutes(1);
        return Stream.of(
                argumentSet("for another service", signing("sns", Duration.ZERO), "'sqs'"),
                argumentSet("too long ago", signing("sqs", tooMuch.negated()), "Signature expired"),
                argumentSet("in the future", signing("sqs", tooMuch), "Signature not yet current"),
                argumentSet("another body", changing(TlsTest::otherBody), "does not match"),
                argumentSet(
                        "another header",
                        changing(signed -> with("X-Amz-Target", "AmazonSQS.DeleteQueue", signed)),
                        "does not match"));
    }

    @ParameterizedTest
    @MethodSource("signedOtherwise")
    void whatWasSignedOtherwise(SqsClientBuilder builder, String said) {
        createRefused(WRONG, said, builder);
    }

    @Test
    void aCapturedRequestOnceItsTimeIsOver() throws Exception {
        AtomicReference<HttpExecuteRequest> captured = new AtomicReference<>();
        UnaryOperator<HttpExecuteRequest> capture = signed -> {
            captured.set(signed);
            return signed;
        };
        SdkHttpClient capturing = new Changing(capture, UrlConnectionHttpClient.create());
        try (SqsClient sqs = signing("sqs", MARGIN.minus(WINDOW)).httpClient(capturing).build()) {
            sqs.createQueue(create -> create.queueName(name));
        }
        Thread.sleep(MARGIN.plusSeconds(2).toMillis());
        createRefused(WRONG, "Signature expired", changing(signed -> captured.get()));
        createRefused(WRONG, "", changing(signed -> {
            String now = signed.httpRequest().firstMatchingHeader("X-Amz-Date").orElseThrow();
            return with("X-Amz-Date", now, captured.get());
        }));
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
