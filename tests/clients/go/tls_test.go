package clients

import (
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
)

// as gives a scenario whose client is one of the profiles of callers.py.
func as(t *testing.T, profile, region string, options ...func(*sqs.Options)) scenario {
	t.Helper()
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	loaded, err := config.LoadDefaultConfig(ctx, config.WithSharedConfigProfile(profile), config.WithRegion(region))
	if err != nil {
		t.Fatal(err)
	}
	return scenario{t, ctx, sqs.NewFromConfig(loaded, options...), "go-tls-" + rand.Text()[:8]}
}

func (s scenario) createRefused(code string) {
	s.Helper()
	_, err := s.client.CreateQueue(s.ctx, &sqs.CreateQueueInput{QueueName: &s.name})
	refused[*smithy.GenericAPIError](s, err, code, http.StatusForbidden)
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
			as(t, test.profile, test.region).createRefused(test.code)
		})
	}
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

func TestTLSARequestThatWasChangedOnTheWay(t *testing.T) {
	changes := map[string]func(*smithyhttp.Request) (*smithyhttp.Request, error){
		"the body": func(request *smithyhttp.Request) (*smithyhttp.Request, error) {
			body, err := io.ReadAll(request.GetStream())
			if err != nil {
				return nil, err
			}
			return request.SetStream(strings.NewReader(strings.Replace(string(body), "go-tls-", "go-tlt-", 1)))
		},
		"a header": func(request *smithyhttp.Request) (*smithyhttp.Request, error) {
			request.Header.Set("X-Amz-Target", "AmazonSQS.DeleteQueue")
			return request, nil
		},
	}
	for what, change := range changes {
		t.Run(what, func(t *testing.T) {
			as(t, "right", "us-east-1", changing(change)).createRefused(wrong)
		})
	}
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
