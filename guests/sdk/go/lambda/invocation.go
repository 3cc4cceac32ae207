package lambda

import (
	"context"
	"encoding/json"
	"os"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"guesthouse.dev/go/internal/guest"
	"guesthouse.dev/go/internal/streams"
)

type failure = guest.Failure

// invocation is the contract's context. An empty text is one that is not there.
type invocation struct {
	requestID          string
	functionName       string
	functionVersion    string
	invokedFunctionARN string
	memoryLimitMiB     int
	logGroupName       string
	logStreamName      string
	deadline           time.Time
	traceID            string
	clientContext      string
	identityID         string
	identityPoolID     string
	tenantID           string
}

// response runs the handler on one event. A response that was streamed is empty.
func (r *reflected) response(event []byte, in *invocation) (text []byte, failed *failure) {
	ctx, cancel := in.context(r.baseContext)
	defer cancel()
	failed = guest.Protect(func() error {
		made, err := r.run(ctx, event)
		if err != nil {
			return err
		}
		if made.reader != nil && streams.Send != nil {
			return made.stream()
		}
		if text, err = made.collect(); err == nil && !utf8.Valid(text) {
			// The boundary carries text. The host would throw the instance away for it.
			err = &failure{Type: "InvalidResponse", Message: "the response is not UTF-8; send bytes as base64"}
		}
		return err
	})
	return text, failed
}

// context makes the handler's context, with everything where the packages of aws-lambda-go read it.
func (in *invocation) context(base context.Context) (context.Context, context.CancelFunc) {
	// AWS's package reads these from the environment, which a function's settings may keep from the guest.
	lambdacontext.FunctionName = in.functionName
	lambdacontext.FunctionVersion = in.functionVersion
	lambdacontext.MemoryLimitInMB = in.memoryLimitMiB
	lambdacontext.LogGroupName = in.logGroupName
	lambdacontext.LogStreamName = in.logStreamName

	lc := &lambdacontext.LambdaContext{
		AwsRequestID:       in.requestID,
		InvokedFunctionArn: in.invokedFunctionARN,
		Identity: lambdacontext.CognitoIdentity{
			CognitoIdentityID:     in.identityID,
			CognitoIdentityPoolID: in.identityPoolID,
		},
		TenantID: in.tenantID,
	}
	if in.clientContext != "" {
		// The caller may send anything. What is no client context is none, and not the function's failure.
		if json.Unmarshal([]byte(in.clientContext), &lc.ClientContext) != nil {
			lc.ClientContext = lambdacontext.ClientContext{}
		}
	}

	// For AWS's X-Ray SDK. The environment is the instance's own, and an instance has one invocation at a time.
	os.Setenv("_X_AMZN_TRACE_ID", in.traceID)

	ctx, cancel := context.WithDeadline(base, in.deadline)
	ctx = lambdacontext.NewContext(ctx, lc)
	//lint:ignore SA1029 the key is AWS's
	return context.WithValue(ctx, "x-amzn-trace-id", in.traceID), cancel
}

// prepare runs the guest's main until it calls Start, which hands over the handler through started.
func prepare(main func(), started <-chan *reflected) (*reflected, *failure) {
	handler, failed := guest.Prepare(main, started, "lambda.Start")
	if failed == nil && handler.invalid != nil {
		return nil, &failure{Type: "InvalidHandler", Message: handler.invalid.Error()}
	}
	return handler, failed
}
