// Package clients tells the numbered scenarios of ../README.md with the AWS SDK for Go v2.
package clients

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

const (
	body          = "  \r\n\t\"quoted\" 'single' <&> ]]> %41+b=c&d \\ é 日本語 😀 \r "
	bodyMD5       = "0da47c26fbee6f40ab6fdd7e40db41e4"
	attributesMD5 = "f5bf0ba2bd9e7ede7198025c66483674"
	kindMD5       = "7b1b768b742a3dbe7ce5c6ea3c345c26"
	garbage       = "garbage"
)

func text(dataType, value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: &dataType, StringValue: &value}
}

func allAttributes() map[string]types.MessageAttributeValue {
	return map[string]types.MessageAttributeValue{
		"text":        text("String", `naïve 😀 <&> "q"`),
		"count":       text("Number", "42"),
		"raw":         {DataType: aws.String("Binary"), BinaryValue: []byte{0x00, 0xff, 0x00, 0x10, 0x80}},
		"kind.colour": text("String.label", "blue"),
		"kind.size":   text("Number.int", "7"),
	}
}

type scenario struct {
	*testing.T
	ctx    context.Context
	client *sqs.Client
	name   string
}

// start gives a scenario its client (configured by AWS_ENDPOINT_URL_SQS and friends) and a queue name of its own.
func start(t *testing.T, label string) scenario {
	t.Helper()
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	loaded, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return scenario{t, ctx, sqs.NewFromConfig(loaded), "go-" + label + "-" + rand.Text()[:8]}
}

// must unwraps a call that has to succeed.
func must[Output any](s scenario) func(Output, error) Output {
	return func(output Output, err error) Output {
		s.Helper()
		if err != nil {
			s.Fatal(err)
		}
		return output
	}
}

func (s scenario) check(holds bool, format string, arguments ...any) {
	s.Helper()
	if !holds {
		s.Fatalf(format, arguments...)
	}
}

func equal[Value any](s scenario, actual, expected Value) {
	s.Helper()
	s.check(reflect.DeepEqual(actual, expected), "got %v, expected %v", actual, expected)
}

// refused expects an error with the legacy code and status, and of the SDK's own type where there is one.
func refused[Typed error](s scenario, err error, code string, status int) {
	s.Helper()
	s.check(err != nil, "expected %s, but the call succeeded", code)
	var typed Typed
	s.check(errors.As(err, &typed), "%v is not a %T", err, typed)
	var api smithy.APIError
	s.check(errors.As(err, &api), "not an API error: %v", err)
	equal(s, api.ErrorCode(), code)
	s.check(api.ErrorMessage() != "", "an error without a message")
	var response *awshttp.ResponseError
	s.check(errors.As(err, &response), "no response in %v", err)
	equal(s, response.HTTPStatusCode(), status)
}

func (s scenario) queue(attributes map[string]string) *string {
	s.Helper()
	input := &sqs.CreateQueueInput{QueueName: &s.name, Attributes: attributes}
	return must[*sqs.CreateQueueOutput](s)(s.client.CreateQueue(s.ctx, input)).QueueUrl
}

func (s scenario) send(queue *string, text string) *sqs.SendMessageOutput {
	s.Helper()
	input := &sqs.SendMessageInput{QueueUrl: queue, MessageBody: &text}
	return must[*sqs.SendMessageOutput](s)(s.client.SendMessage(s.ctx, input))
}

func (s scenario) receive(queue *string, wait int32, change func(*sqs.ReceiveMessageInput)) []types.Message {
	s.Helper()
	input := &sqs.ReceiveMessageInput{QueueUrl: queue, WaitTimeSeconds: wait}
	if change != nil {
		change(input)
	}
	return must[*sqs.ReceiveMessageOutput](s)(s.client.ReceiveMessage(s.ctx, input)).Messages
}

func (s scenario) receiveOne(queue *string, change func(*sqs.ReceiveMessageInput)) types.Message {
	s.Helper()
	messages := s.receive(queue, 10, change)
	equal(s, len(messages), 1)
	return messages[0]
}

func (s scenario) nothing(queue *string, wait int32) {
	s.Helper()
	equal(s, len(s.receive(queue, wait, nil)), 0)
}

func (s scenario) attributes(queue *string, names ...types.QueueAttributeName) map[string]string {
	s.Helper()
	input := &sqs.GetQueueAttributesInput{QueueUrl: queue, AttributeNames: names}
	return must[*sqs.GetQueueAttributesOutput](s)(s.client.GetQueueAttributes(s.ctx, input)).Attributes
}

func Test01Create(t *testing.T) {
	s := start(t, "create")
	given := map[string]string{"VisibilityTimeout": "45", "MaximumMessageSize": "2048"}
	url := s.queue(given)
	s.check(strings.HasSuffix(*url, "/"+s.name), "odd URL %s", *url)
	equal(s, *s.queue(given), *url)
	equal(s, *s.queue(nil), *url)
	given["VisibilityTimeout"] = "46"
	_, err := s.client.CreateQueue(s.ctx, &sqs.CreateQueueInput{QueueName: &s.name, Attributes: given})
	refused[*types.QueueNameExists](s, err, "QueueAlreadyExists", 400)
}

func Test02Find(t *testing.T) {
	s := start(t, "find")
	prefix := s.name
	var urls []string
	for n := range 5 {
		s.name = fmt.Sprintf("%s-%d", prefix, n)
		urls = append(urls, *s.queue(nil))
	}
	found := must[*sqs.GetQueueUrlOutput](s)(s.client.GetQueueUrl(s.ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(prefix + "-3")}))
	equal(s, *found.QueueUrl, urls[3])
	_, err := s.client.GetQueueUrl(s.ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(prefix + "-absent")})
	refused[*types.QueueDoesNotExist](s, err, "AWS.SimpleQueueService.NonExistentQueue", 400)

	all := must[*sqs.ListQueuesOutput](s)(s.client.ListQueues(s.ctx, &sqs.ListQueuesInput{QueueNamePrefix: &prefix}))
	equal(s, all.QueueUrls, urls)
	s.check(all.NextToken == nil, "a token without MaxResults")
	pages := sqs.NewListQueuesPaginator(s.client, &sqs.ListQueuesInput{QueueNamePrefix: &prefix, MaxResults: aws.Int32(2)})
	for _, expected := range [][]string{urls[0:2], urls[2:4], urls[4:5]} {
		s.check(pages.HasMorePages(), "too few pages")
		equal(s, must[*sqs.ListQueuesOutput](s)(pages.NextPage(s.ctx)).QueueUrls, expected)
	}
	s.check(!pages.HasMorePages(), "too many pages")
	none := must[*sqs.ListQueuesOutput](s)(s.client.ListQueues(s.ctx, &sqs.ListQueuesInput{QueueNamePrefix: aws.String(prefix + "-absent")}))
	equal(s, len(none.QueueUrls), 0)
}

func Test03Tags(t *testing.T) {
	s := start(t, "tags")
	created := must[*sqs.CreateQueueOutput](s)(s.client.CreateQueue(s.ctx, &sqs.CreateQueueInput{QueueName: &s.name, Tags: map[string]string{"team": "red"}}))
	queue := created.QueueUrl
	list := func() map[string]string {
		return must[*sqs.ListQueueTagsOutput](s)(s.client.ListQueueTags(s.ctx, &sqs.ListQueueTagsInput{QueueUrl: queue})).Tags
	}
	tags := map[string]string{"team": "blue", "empty": "", "ort": "Zürich / 東京"}
	must[*sqs.TagQueueOutput](s)(s.client.TagQueue(s.ctx, &sqs.TagQueueInput{QueueUrl: queue, Tags: tags}))
	equal(s, list(), tags)
	must[*sqs.UntagQueueOutput](s)(s.client.UntagQueue(s.ctx, &sqs.UntagQueueInput{QueueUrl: queue, TagKeys: []string{"empty", "ort", "never there"}}))
	equal(s, list(), map[string]string{"team": "blue"})
	must[*sqs.UntagQueueOutput](s)(s.client.UntagQueue(s.ctx, &sqs.UntagQueueInput{QueueUrl: queue, TagKeys: []string{"team"}}))
	equal(s, len(list()), 0)
}

func Test04Attributes(t *testing.T) {
	s := start(t, "attributes")
	queue := s.queue(nil)
	set := func(attributes map[string]string) error {
		_, err := s.client.SetQueueAttributes(s.ctx, &sqs.SetQueueAttributesInput{QueueUrl: queue, Attributes: attributes})
		return err
	}
	some := map[string]string{"VisibilityTimeout": "77", "DelaySeconds": "3"}
	s.check(set(some) == nil, "set was refused")
	equal(s, s.attributes(queue, types.QueueAttributeNameVisibilityTimeout, types.QueueAttributeNameDelaySeconds), some)
	every := s.attributes(queue, types.QueueAttributeNameAll)
	equal(s, every["VisibilityTimeout"], "77")
	equal(s, every["MessageRetentionPeriod"], "345600")
	equal(s, every["MaximumMessageSize"], "1048576")
	s.check(strings.HasPrefix(every["QueueArn"], "arn:aws:sqs:us-east-1:"), "odd ARN %s", every["QueueArn"])
	_, err := s.client.GetQueueAttributes(s.ctx, &sqs.GetQueueAttributesInput{QueueUrl: queue, AttributeNames: []types.QueueAttributeName{"Nonsense"}})
	refused[*types.InvalidAttributeName](s, err, "InvalidAttributeName", 400)
	refused[*types.InvalidAttributeName](s, set(map[string]string{"Nonsense": "1"}), "InvalidAttributeName", 400)
	refused[*types.InvalidAttributeValue](s, set(map[string]string{"VisibilityTimeout": "43201"}), "InvalidAttributeValue", 400)
}

func Test05Fidelity(t *testing.T) {
	s := start(t, "fidelity")
	queue := s.queue(nil)
	given := allAttributes()
	input := &sqs.SendMessageInput{QueueUrl: queue, MessageBody: aws.String(body), MessageAttributes: given}
	sent := must[*sqs.SendMessageOutput](s)(s.client.SendMessage(s.ctx, input))
	equal(s, aws.ToString(sent.MD5OfMessageBody), bodyMD5)
	equal(s, aws.ToString(sent.MD5OfMessageAttributes), attributesMD5)

	// This SDK does not send VisibilityTimeout 0 (it leaves zeros out), so the message is given back by its handle.
	giveBack := func(message types.Message) {
		change := &sqs.ChangeMessageVisibilityInput{QueueUrl: queue, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 0}
		must[*sqs.ChangeMessageVisibilityOutput](s)(s.client.ChangeMessageVisibility(s.ctx, change))
	}
	plain := s.receiveOne(queue, nil)
	equal(s, *plain.Body, body)
	equal(s, len(plain.MessageAttributes)+len(plain.Attributes), 0)
	giveBack(plain)
	kinds := s.receiveOne(queue, func(input *sqs.ReceiveMessageInput) { input.MessageAttributeNames = []string{"kind.*", "absent"} })
	equal(s, slices.Sorted(maps.Keys(kinds.MessageAttributes)), []string{"kind.colour", "kind.size"})
	equal(s, *kinds.MD5OfMessageAttributes, kindMD5)
	giveBack(kinds)
	whole := s.receiveOne(queue, func(input *sqs.ReceiveMessageInput) {
		input.MessageAttributeNames = []string{"All"}
		input.MessageSystemAttributeNames = []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}
	})
	equal(s, *whole.MessageId, *sent.MessageId)
	equal(s, *whole.Body, body)
	equal(s, *whole.MD5OfBody, bodyMD5)
	equal(s, whole.MessageAttributes, given)
	equal(s, *whole.MD5OfMessageAttributes, attributesMD5)
	equal(s, whole.Attributes["ApproximateReceiveCount"], "3")
}

func Test06Delete(t *testing.T) {
	s := start(t, "delete")
	queue := s.queue(nil)
	s.send(queue, "once")
	handle := s.receiveOne(queue, func(input *sqs.ReceiveMessageInput) { input.VisibilityTimeout = 1 }).ReceiptHandle
	for range 2 {
		must[*sqs.DeleteMessageOutput](s)(s.client.DeleteMessage(s.ctx, &sqs.DeleteMessageInput{QueueUrl: queue, ReceiptHandle: handle}))
	}
	s.nothing(queue, 2)
	_, err := s.client.DeleteMessage(s.ctx, &sqs.DeleteMessageInput{QueueUrl: queue, ReceiptHandle: aws.String(garbage)})
	refused[*types.ReceiptHandleIsInvalid](s, err, "ReceiptHandleIsInvalid", 404)
}

// failures lists the failed entries of a batch as "id code", sorted.
func failures(s scenario, failed []types.BatchResultErrorEntry) []string {
	var list []string
	for _, entry := range failed {
		s.check(entry.SenderFault, "%s is not the sender's fault", *entry.Id)
		list = append(list, *entry.Id+" "+*entry.Code)
	}
	slices.Sort(list)
	return list
}

func entry(id, text string) types.SendMessageBatchRequestEntry {
	return types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &text}
}

func Test07BatchSendPartialFailure(t *testing.T) {
	s := start(t, "batch")
	queue := s.queue(map[string]string{"MaximumMessageSize": "1024"})
	good := entry("good", body)
	good.MessageAttributes = allAttributes()
	entries := []types.SendMessageBatchRequestEntry{entry("large", strings.Repeat("x", 1025)), good, entry("illegal", "bell \a")}
	answer := must[*sqs.SendMessageBatchOutput](s)(s.client.SendMessageBatch(s.ctx, &sqs.SendMessageBatchInput{QueueUrl: queue, Entries: entries}))
	equal(s, len(answer.Successful), 1)
	equal(s, *answer.Successful[0].Id, "good")
	equal(s, *answer.Successful[0].MD5OfMessageBody, bodyMD5)
	equal(s, *answer.Successful[0].MD5OfMessageAttributes, attributesMD5)
	equal(s, failures(s, answer.Failed), []string{"illegal InvalidMessageContents", "large InvalidParameterValue"})
	equal(s, *s.receiveOne(queue, nil).MessageId, *answer.Successful[0].MessageId)
	s.nothing(queue, 0)
}

func Test08BatchDeleteAndVisibility(t *testing.T) {
	s := start(t, "batches")
	queue := s.queue(nil)
	entries := []types.SendMessageBatchRequestEntry{entry("0", "message 0"), entry("1", "message 1"), entry("2", "message 2")}
	sent := must[*sqs.SendMessageBatchOutput](s)(s.client.SendMessageBatch(s.ctx, &sqs.SendMessageBatchInput{QueueUrl: queue, Entries: entries}))
	equal(s, len(sent.Successful), 3)
	var handles []*string
	for range 6 {
		if len(handles) == 3 {
			break
		}
		for _, message := range s.receive(queue, 2, func(input *sqs.ReceiveMessageInput) { input.MaxNumberOfMessages = 10 }) {
			handles = append(handles, message.ReceiptHandle)
		}
	}
	equal(s, len(handles), 3)

	changed := must[*sqs.ChangeMessageVisibilityBatchOutput](s)(s.client.ChangeMessageVisibilityBatch(s.ctx, &sqs.ChangeMessageVisibilityBatchInput{
		QueueUrl: queue,
		Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
			{Id: aws.String("keep"), ReceiptHandle: handles[1], VisibilityTimeout: 100},
			{Id: aws.String("bad"), ReceiptHandle: aws.String(garbage), VisibilityTimeout: 100},
		},
	}))
	equal(s, len(changed.Successful), 1)
	equal(s, failures(s, changed.Failed), []string{"bad ReceiptHandleIsInvalid"})

	batch := []types.DeleteMessageBatchRequestEntry{{Id: aws.String("bad"), ReceiptHandle: aws.String(garbage)}}
	for n, handle := range handles {
		batch = append(batch, types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprintf("h%d", n)), ReceiptHandle: handle})
	}
	deleted := must[*sqs.DeleteMessageBatchOutput](s)(s.client.DeleteMessageBatch(s.ctx, &sqs.DeleteMessageBatchInput{QueueUrl: queue, Entries: batch}))
	equal(s, len(deleted.Successful), 3)
	equal(s, failures(s, deleted.Failed), []string{"bad ReceiptHandleIsInvalid"})
	counts := s.attributes(queue, types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible)
	equal(s, counts, map[string]string{"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0"})
}

func Test09RefusedBatches(t *testing.T) {
	s := start(t, "refused")
	queue := s.queue(nil)
	send := func(entries ...types.SendMessageBatchRequestEntry) error {
		_, err := s.client.SendMessageBatch(s.ctx, &sqs.SendMessageBatchInput{QueueUrl: queue, Entries: entries})
		return err
	}
	var eleven []types.SendMessageBatchRequestEntry
	for n := range 11 {
		eleven = append(eleven, entry(fmt.Sprint(n), "x"))
	}
	const prefix = "AWS.SimpleQueueService."
	refused[*types.EmptyBatchRequest](s, send([]types.SendMessageBatchRequestEntry{}...), prefix+"EmptyBatchRequest", 400)
	refused[*types.TooManyEntriesInBatchRequest](s, send(eleven...), prefix+"TooManyEntriesInBatchRequest", 400)
	refused[*types.BatchEntryIdsNotDistinct](s, send(entry("same", "x"), entry("same", "x")), prefix+"BatchEntryIdsNotDistinct", 400)
	refused[*types.InvalidBatchEntryId](s, send(entry("not valid!", "x")), prefix+"InvalidBatchEntryId", 400)
	s.nothing(queue, 0)
}

func Test10LongPollWoken(t *testing.T) {
	s := start(t, "woken")
	queue := s.queue(nil)
	started := time.Now()
	sent := make(chan error, 1)
	go func() {
		time.Sleep(500 * time.Millisecond)
		_, err := s.client.SendMessage(s.ctx, &sqs.SendMessageInput{QueueUrl: queue, MessageBody: aws.String("wake up")})
		sent <- err
	}()
	message := s.receiveOne(queue, func(input *sqs.ReceiveMessageInput) { input.WaitTimeSeconds = 20 })
	s.check(time.Since(started) < 20*time.Second, "it waited to the end")
	equal(s, *message.Body, "wake up")
	s.check(<-sent == nil, "the send failed")
}

func Test11LongPollEmpty(t *testing.T) {
	s := start(t, "empty")
	queue := s.queue(nil)
	started := time.Now()
	s.nothing(queue, 1)
	s.check(time.Since(started) >= 900*time.Millisecond, "it did not wait")
}

func Test12Delay(t *testing.T) {
	s := start(t, "delay")
	queue := s.queue(nil)
	sent := time.Now()
	input := &sqs.SendMessageInput{QueueUrl: queue, MessageBody: aws.String("later"), DelaySeconds: 1}
	must[*sqs.SendMessageOutput](s)(s.client.SendMessage(s.ctx, input))
	early := s.receive(queue, 0, nil)
	if time.Since(sent) < 900*time.Millisecond { // else the machine is too slow for this half to say anything
		equal(s, len(early), 0)
	}
	if len(early) == 0 {
		early = append(early, s.receiveOne(queue, nil))
	}
	equal(s, *early[0].Body, "later")
}

func Test13VisibilityTimeout(t *testing.T) {
	s := start(t, "visibility")
	queue := s.queue(nil)
	s.send(queue, "again")
	count := func(input *sqs.ReceiveMessageInput) {
		input.VisibilityTimeout = 1
		input.MessageSystemAttributeNames = []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount}
	}
	asked := time.Now()
	first := s.receiveOne(queue, count)
	equal(s, first.Attributes, map[string]string{"ApproximateReceiveCount": "1"})
	hidden := s.receive(queue, 0, count)
	if time.Since(asked) < 900*time.Millisecond {
		equal(s, len(hidden), 0)
	}
	if len(hidden) == 0 {
		hidden = append(hidden, s.receiveOne(queue, count))
	}
	equal(s, *hidden[0].MessageId, *first.MessageId)
	equal(s, hidden[0].Attributes, map[string]string{"ApproximateReceiveCount": "2"})
}

func Test14ChangeVisibility(t *testing.T) {
	s := start(t, "change")
	queue := s.queue(nil)
	s.send(queue, "back and forth")
	change := func(message types.Message, seconds int32) {
		input := &sqs.ChangeMessageVisibilityInput{QueueUrl: queue, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: seconds}
		must[*sqs.ChangeMessageVisibilityOutput](s)(s.client.ChangeMessageVisibility(s.ctx, input))
	}
	first := s.receiveOne(queue, func(input *sqs.ReceiveMessageInput) { input.VisibilityTimeout = 300 })
	s.nothing(queue, 0)
	change(first, 0)
	again := s.receive(queue, 0, func(input *sqs.ReceiveMessageInput) { input.VisibilityTimeout = 1 })
	equal(s, len(again), 1)
	change(again[0], 100)
	s.nothing(queue, 2)
}

func Test15Purge(t *testing.T) {
	s := start(t, "purge")
	queue := s.queue(nil)
	for range 3 {
		s.send(queue, "gone")
	}
	s.receive(queue, 0, nil)
	must[*sqs.PurgeQueueOutput](s)(s.client.PurgeQueue(s.ctx, &sqs.PurgeQueueInput{QueueUrl: queue}))
	s.nothing(queue, 1)
	_, err := s.client.PurgeQueue(s.ctx, &sqs.PurgeQueueInput{QueueUrl: queue})
	refused[*types.PurgeQueueInProgress](s, err, "AWS.SimpleQueueService.PurgeQueueInProgress", 403)
	s.send(queue, "after")
	equal(s, *s.receiveOne(queue, nil).Body, "after")
}

func Test16DeleteQueue(t *testing.T) {
	s := start(t, "gone")
	queue := s.queue(nil)
	must[*sqs.DeleteQueueOutput](s)(s.client.DeleteQueue(s.ctx, &sqs.DeleteQueueInput{QueueUrl: queue}))
	_, err := s.client.SendMessage(s.ctx, &sqs.SendMessageInput{QueueUrl: queue, MessageBody: aws.String("too late")})
	refused[*types.QueueDoesNotExist](s, err, "AWS.SimpleQueueService.NonExistentQueue", 400)
	_, err = s.client.CreateQueue(s.ctx, &sqs.CreateQueueInput{QueueName: &s.name})
	refused[*types.QueueDeletedRecently](s, err, "AWS.SimpleQueueService.QueueDeletedRecently", 400)
}

func Test17RefusalsWithoutAType(t *testing.T) {
	s := start(t, "untyped")
	queue := s.queue(nil)
	_, err := s.client.SendMessage(s.ctx, &sqs.SendMessageInput{QueueUrl: queue, MessageBody: aws.String("x"), DelaySeconds: 901})
	refused[*smithy.GenericAPIError](s, err, "InvalidParameterValue", 400)
	_, err = s.client.ReceiveMessage(s.ctx, &sqs.ReceiveMessageInput{QueueUrl: queue, MaxNumberOfMessages: 11})
	refused[*smithy.GenericAPIError](s, err, "InvalidParameterValue", 400)
	_, err = s.client.SendMessage(s.ctx, &sqs.SendMessageInput{QueueUrl: queue, MessageBody: aws.String("")})
	refused[*smithy.GenericAPIError](s, err, "MissingParameter", 400)
	_, err = s.client.SendMessage(s.ctx, &sqs.SendMessageInput{QueueUrl: queue, MessageBody: aws.String("nul \x00")})
	refused[*types.InvalidMessageContents](s, err, "InvalidMessageContents", 400)
	s.nothing(queue, 0)
}
