// Package go_cloud runs the Go CDK's pub/sub on queues of a server that is not Amazon's. The queues are opened by URL, as in the Go
// CDK's guide; the environment says where the server is.
package go_cloud

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"gocloud.dev/gcerrors"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/awssnssqs"
)

const (
	wait    = time.Minute
	visible = types.QueueAttributeNameApproximateNumberOfMessages
	hidden  = types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
)

type world struct {
	*testing.T
	ctx    context.Context
	client *sqs.Client
}

func start(t *testing.T) world {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	t.Cleanup(cancel)
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return world{t, ctx, sqs.NewFromConfig(settings)}
}

func (w world) queue(suffix string, attributes map[string]string) string {
	w.Helper()
	name := "go-cloud-" + strings.ToLower(rand.Text()[:8]) + suffix
	made, err := w.client.CreateQueue(w.ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		w.Fatal(err)
	}
	return *made.QueueUrl
}

// address is the queue's URL as the Go CDK spells it.
func address(queue, options string) string {
	return "awssqs://" + strings.TrimPrefix(queue, "http://") + "?region=us-east-1" + options
}

func (w world) topic(queue string) *pubsub.Topic {
	w.Helper()
	topic, err := pubsub.OpenTopic(w.ctx, address(queue, ""))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = topic.Shutdown(context.Background()) })
	return topic
}

func (w world) subscription(queue string) *pubsub.Subscription {
	w.Helper()
	subscription, err := pubsub.OpenSubscription(w.ctx, address(queue, "&waittime=5s&raw=true"))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		if err := subscription.Shutdown(ctx); err != nil {
			w.Error(err)
		}
	})
	return subscription
}

func (w world) receive(subscription *pubsub.Subscription) *pubsub.Message {
	w.Helper()
	message, err := subscription.Receive(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	return message
}

func (w world) count(queue string, name types.QueueAttributeName) int {
	w.Helper()
	input := sqs.GetQueueAttributesInput{QueueUrl: &queue, AttributeNames: []types.QueueAttributeName{name}}
	answer, err := w.client.GetQueueAttributes(w.ctx, &input)
	if err != nil {
		w.Fatal(err)
	}
	count, err := strconv.Atoi(answer.Attributes[string(name)])
	if err != nil {
		w.Fatal(err)
	}
	return count
}

func (w world) until(described string, question func() bool) {
	w.Helper()
	for !question() {
		select {
		case <-w.ctx.Done():
			w.Fatal(described)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func TestSendReceiveAcknowledge(t *testing.T) {
	w := start(t)
	queue := w.queue("", nil)
	topic, subscription := w.topic(queue), w.subscription(queue)
	sent := make(chan error)
	for number := range 50 {
		go func() {
			metadata := map[string]string{"number": strconv.Itoa(number), "naïve key": "😀 <&>"}
			sent <- topic.Send(w.ctx, &pubsub.Message{Body: fmt.Appendf(nil, "body %d", number), Metadata: metadata})
		}()
	}
	for range 50 {
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]int{}
	for range 50 {
		message := w.receive(subscription)
		number := message.Metadata["number"]
		if string(message.Body) != "body "+number || message.Metadata["naïve key"] != "😀 <&>" {
			t.Errorf("got %q with %q", message.Body, message.Metadata)
		}
		seen[number]++
		message.Ack()
	}
	if len(seen) != 50 {
		t.Errorf("received %d different messages of 50", len(seen))
	}
	w.until("the queue did not become empty", func() bool { return w.count(queue, visible)+w.count(queue, hidden) == 0 })
}

func TestBinaryBody(t *testing.T) {
	w := start(t)
	queue := w.queue("", nil)
	body := []byte{0, 255, 1, 254, 0}
	if err := w.topic(queue).Send(w.ctx, &pubsub.Message{Body: body}); err != nil {
		t.Fatal(err)
	}
	message := w.receive(w.subscription(queue))
	if !slices.Equal(message.Body, body) {
		t.Errorf("got %x", message.Body)
	}
	message.Ack()
}

func TestNackBringsTheMessageBack(t *testing.T) {
	w := start(t)
	queue := w.queue("", map[string]string{"VisibilityTimeout": "3600"})
	if err := w.topic(queue).Send(w.ctx, &pubsub.Message{Body: []byte("again")}); err != nil {
		t.Fatal(err)
	}
	subscription := w.subscription(queue)
	for count := range 3 {
		message := w.receive(subscription)
		var raw types.Message
		if !message.As(&raw) {
			t.Fatal("not a message of SQS")
		}
		if got := raw.Attributes["ApproximateReceiveCount"]; got != strconv.Itoa(count+1) {
			t.Errorf("ApproximateReceiveCount %s in receive %d", got, count+1)
		}
		if count < 2 {
			message.Nack()
		} else {
			message.Ack()
		}
	}
	w.until("the queue did not become empty", func() bool { return w.count(queue, visible)+w.count(queue, hidden) == 0 })
}

func TestFifoOrderWithinGroups(t *testing.T) {
	w := start(t)
	queue := w.queue(".fifo", map[string]string{"FifoQueue": "true"})
	topic := w.topic(queue)
	for number := range 20 {
		metadata := map[string]string{
			awssnssqs.MetadataKeyMessageGroupID:  "group-" + strconv.Itoa(number%2),
			awssnssqs.MetadataKeyDeduplicationID: strconv.Itoa(number / 2 * 2), // odd ones repeat the id of their neighbour
		}
		if err := topic.Send(w.ctx, &pubsub.Message{Body: []byte(strconv.Itoa(number)), Metadata: metadata}); err != nil {
			t.Fatal(err)
		}
	}
	subscription := w.subscription(queue)
	for number := 0; number < 20; number += 2 {
		message := w.receive(subscription)
		if got := string(message.Body); got != strconv.Itoa(number) {
			t.Fatalf("got message %s, expected %d", got, number)
		}
		message.Ack()
	}
	w.until("the queue did not become empty", func() bool { return w.count(queue, visible)+w.count(queue, hidden) == 0 })
}

func TestNackedTooOftenIsADeadLetter(t *testing.T) {
	w := start(t)
	dead := w.queue("", nil)
	input := sqs.GetQueueAttributesInput{QueueUrl: &dead, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}}
	answer, err := w.client.GetQueueAttributes(w.ctx, &input)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := json.Marshal(map[string]any{"deadLetterTargetArn": answer.Attributes["QueueArn"], "maxReceiveCount": 2})
	if err != nil {
		t.Fatal(err)
	}
	queue := w.queue("", map[string]string{"RedrivePolicy": string(policy)})
	if err := w.topic(queue).Send(w.ctx, &pubsub.Message{Body: []byte("poison")}); err != nil {
		t.Fatal(err)
	}
	subscription := w.subscription(queue)
	for range 2 {
		w.receive(subscription).Nack()
	}
	// The subscription goes on polling only while somebody waits for a message.
	ctx, cancel := context.WithCancel(w.ctx)
	received := make(chan error)
	go func() {
		_, err := subscription.Receive(ctx)
		received <- err
	}()
	w.until("no dead letter", func() bool { return w.count(dead, visible) == 1 })
	cancel()
	if err := <-received; err == nil {
		t.Error("a third receive")
	}
	if message := w.receive(w.subscription(dead)); string(message.Body) != "poison" {
		t.Errorf("the dead letter is %q", message.Body)
	} else {
		message.Ack()
	}
}

func TestErrorsHaveCodes(t *testing.T) {
	w := start(t)
	queue := w.queue("", nil)
	if _, err := w.client.DeleteQueue(w.ctx, &sqs.DeleteQueueInput{QueueUrl: aws.String(queue)}); err != nil {
		t.Fatal(err)
	}
	_, err := w.subscription(queue).Receive(w.ctx)
	if code := gcerrors.Code(err); code != gcerrors.NotFound {
		t.Errorf("code %v of %v", code, err)
	}
	err = w.topic(w.queue("", nil)).Send(w.ctx, &pubsub.Message{Body: []byte("\x01")})
	if code := gcerrors.Code(err); code == gcerrors.OK {
		t.Error("an illegal character was accepted")
	}
}

func TestMain(m *testing.M) {
	if os.Getenv("AWS_ENDPOINT_URL_SQS") == "" {
		fmt.Fprintln(os.Stderr, "AWS_ENDPOINT_URL_SQS is not set")
		os.Exit(2)
	}
	os.Exit(m.Run())
}
