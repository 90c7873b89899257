package sluice;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import software.amazon.awssdk.core.ResponseInputStream;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.DeleteObjectRequest;
import software.amazon.awssdk.services.s3.model.DeleteObjectResponse;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.PutObjectResponse;

/** The three calls of S3 that the extended client makes, in memory: S3 is not what is tested. */
final class MemoryS3 implements S3Client {
    final Map<String, byte[]> objects = new ConcurrentHashMap<>();

    @Override
    public PutObjectResponse putObject(PutObjectRequest put, RequestBody body) {
        try (var stream = body.contentStreamProvider().newStream()) {
            objects.put(put.bucket() + "/" + put.key(), stream.readAllBytes());
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return PutObjectResponse.builder().build();
    }

    @Override
    public ResponseInputStream<GetObjectResponse> getObject(GetObjectRequest get) {
        byte[] content = objects.get(get.bucket() + "/" + get.key());
        var stream = AbortableInputStream.create(new ByteArrayInputStream(content));
        return new ResponseInputStream<>(GetObjectResponse.builder().contentLength((long) content.length).build(), stream);
    }

    @Override
    public DeleteObjectResponse deleteObject(DeleteObjectRequest delete) {
        objects.remove(delete.bucket() + "/" + delete.key());
        return DeleteObjectResponse.builder().build();
    }

    @Override
    public String serviceName() {
        return "s3";
    }

    @Override
    public void close() {}
}
