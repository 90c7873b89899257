package clients

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// TLS, and who calls: see ../README.md. Endpoint, trusted authority and profiles come from the environment.

const (
	wrong   = "SignatureDoesNotMatch"
	unknown = "InvalidClientTokenId"
	denied  = "AccessDenied"

	window = 15 * time.Minute // for which a signature is good
	margin = 10 * time.Second // that a request may take, if it is signed so long before its time is over
)

// as gives a scenario whose client is one of the profiles of callers.py, and that runs beside others.
func as(t *testing.T, profile, region string, options ...func(*sqs.Options)) scenario {
	t.Helper()
	t.Parallel()
	return caller(t, profile, region, options...)
}

func caller(t *testing.T, profile, region string, options ...func(*sqs.Options)) scenario {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	loaded, err := config.LoadDefaultConfig(ctx, config.WithSharedConfigProfile(profile), config.WithRegion(region))
	if err != nil {
		t.Fatal(err)
	}
	return scenario{t, ctx, sqs.NewFromConfig(loaded, options...), "go-tls-" + rand.Text()[:8]}
}

func (s scenario) create() (*sqs.CreateQueueOutput, error) {
	return s.client.CreateQueue(s.ctx, &sqs.CreateQueueInput{QueueName: &s.name})
}

func (s scenario) createRefused(code, said string) {
	s.Helper()
	_, err := s.create()
	refused[*smithy.GenericAPIError](s, err, code, http.StatusForbidden)
	s.check(strings.Contains(err.Error(), said), "refused with %v", err)
}

func TestTLSTheRightKeyGetsIn(t *testing.T) {
	for _, profile := range []string{"right", "temporary", "worker"} {
		t.Run(profile, func(t *testing.T) {
			s := as(t, profile, "us-east-1")
			queue := s.queue(nil)
			s.check(strings.HasPrefix(*queue, os.Getenv("SLUICE_ENDPOINT")+"/"), "odd URL %s", *queue)
			s.send(queue, "naïve 😀")
			message := s.receiveOne(queue, nil)
			equal(s, *message.Body, "naïve 😀")
			input := &sqs.DeleteMessageInput{QueueUrl: queue, ReceiptHandle: message.ReceiptHandle}
			must[*sqs.DeleteMessageOutput](s)(s.client.DeleteMessage(s.ctx, input))
		})
	}
}

func TestTLSOthersDoNot(t *testing.T) {
	for _, test := range []struct{ profile, region, code string }{
		{"wrong-secret", "us-east-1", wrong},
		{"right", "eu-west-1", wrong},
		{"unknown", "us-east-1", unknown},
		{"inactive", "us-east-1", unknown},
		{"wrong-token", "us-east-1", unknown},
		{"reader", "us-east-1", denied},
	} {
		t.Run(test.profile+" in "+test.region, func(t *testing.T) {
			as(t, test.profile, test.region).createRefused(test.code, "")
		})
	}
}

// signing has the client sign with another clock, and for another service unless that is empty.
func signing(service string, ahead time.Duration) func(*sqs.Options) {
	return func(options *sqs.Options) {
		options.HTTPSignerV4 = signer{options.HTTPSignerV4, service, ahead}
	}
}

type signer struct {
	inner   sqs.HTTPSignerV4
	service string
	ahead   time.Duration
}

func (s signer) SignHTTP(
	ctx context.Context, credentials aws.Credentials, request *http.Request, hash, service, region string, at time.Time,
	options ...func(*v4.SignerOptions),
) error {
	service = cmp.Or(s.service, service)
	return s.inner.SignHTTP(ctx, credentials, request, hash, service, region, at.Add(s.ahead), options...)
}

// changing changes requests after they were signed.
func changing(change func(*smithyhttp.Request) (*smithyhttp.Request, error)) func(*sqs.Options) {
	last := middleware.FinalizeMiddlewareFunc("change", func(
		ctx context.Context, input middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (output middleware.FinalizeOutput, metadata middleware.Metadata, err error) {
		if input.Request, err = change(input.Request.(*smithyhttp.Request)); err != nil {
			return output, metadata, err
		}
		return next.HandleFinalize(ctx, input)
	})
	return sqs.WithAPIOptions(func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(last, "Signing", middleware.After)
	})
}

func otherBody(request *smithyhttp.Request) (*smithyhttp.Request, error) {
	body, err := io.ReadAll(request.GetStream())
	if err != nil {
		return nil, err
	}
	return request.SetStream(strings.NewReader(strings.Replace(string(body), "go-tls-", "go-tlt-", 1)))
}

func otherOperation(request *smithyhttp.Request) (*smithyhttp.Request, error) {
	request.Header.Set("X-Amz-Target", "AmazonSQS.DeleteQueue")
	return request, nil
}

func TestTLSWhatWasSignedOtherwise(t *testing.T) {
	for _, test := range []struct {
		what   string
		option func(*sqs.Options)
		said   string
	}{
		{"for another service", signing("sns", 0), "'sqs'"},
		{"too long ago", signing("", -window-time.Minute), "Signature expired"},
		{"in the future", signing("", window+time.Minute), "Signature not yet current"},
		{"another body", changing(otherBody), "does not match"},
		{"another header", changing(otherOperation), "does not match"},
	} {
		t.Run(test.what, func(t *testing.T) {
			as(t, "right", "us-east-1", test.option).createRefused(wrong, test.said)
		})
	}
}

// captured is a request that somebody has listened to, and who sends it again in place of another one.
type captured struct {
	header http.Header
	body   []byte
}

func (c *captured) capture(request *smithyhttp.Request) (_ *smithyhttp.Request, err error) {
	c.header = request.Header.Clone()
	if c.body, err = io.ReadAll(request.GetStream()); err != nil {
		return nil, err
	}
	return request.SetStream(bytes.NewReader(c.body))
}

func (c *captured) replay(request *smithyhttp.Request) (*smithyhttp.Request, error) {
	request.Header = c.header.Clone()
	return request.SetStream(bytes.NewReader(c.body))
}

func (c *captured) replayDatedNow(request *smithyhttp.Request) (*smithyhttp.Request, error) {
	now := request.Header.Get("X-Amz-Date")
	replayed, err := c.replay(request)
	if err == nil {
		replayed.Header.Set("X-Amz-Date", now)
	}
	return replayed, err
}

func TestTLSACapturedRequestOnceItsTimeIsOver(t *testing.T) {
	var captured captured
	s := as(t, "right", "us-east-1", signing("", margin-window), changing(captured.capture))
	must[*sqs.CreateQueueOutput](s)(s.create())
	time.Sleep(margin + 2*time.Second)
	caller(t, "right", "us-east-1", changing(captured.replay)).createRefused(wrong, "Signature expired")
	caller(t, "right", "us-east-1", changing(captured.replayDatedNow)).createRefused(wrong, "")
}

func TestTLSAnAuthorityThatIsNotTrusted(t *testing.T) {
	other, err := os.ReadFile(os.Getenv("SLUICE_OTHER_AUTHORITY"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(other)
	s := as(t, "right", "us-east-1", func(options *sqs.Options) {
		options.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(transport *http.Transport) {
			transport.TLSClientConfig = &tls.Config{RootCAs: pool}
		})
	})
	_, err = s.client.ListQueues(s.ctx, &sqs.ListQueuesInput{})
	var untrusted x509.UnknownAuthorityError
	s.check(errors.As(err, &untrusted), "not refused for its authority: %v", err)
}
