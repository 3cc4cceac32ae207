package lambdahttp

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// invocation is what the host says of the invocation, in the form that the Lambda Web Adapter gave it.
type invocation struct {
	RequestID          string          `json:"request_id"`
	DeadlineMS         int64           `json:"deadline"`
	InvokedFunctionARN string          `json:"invoked_function_arn"`
	TraceID            string          `json:"xray_trace_id"`
	ClientContext      json.RawMessage `json:"client_context"`
	Identity           struct {
		ID     string `json:"identity_id"`
		PoolID string `json:"identity_pool_id"`
	} `json:"identity"`
	TenantID string `json:"tenant_id"`
	Function struct {
		Name      string `json:"function_name"`
		Memory    int    `json:"memory"`
		Version   string `json:"version"`
		LogGroup  string `json:"log_group"`
		LogStream string `json:"log_stream"`
	} `json:"env_config"`
}

// contextOf makes the request's context, with everything where the packages of aws-lambda-go read it. Under a host that
// says nothing of Lambda there is nothing.
func contextOf(header http.Header) (context.Context, context.CancelFunc) {
	var in invocation
	text := header.Get(lambdaContextHeader)
	if text == "" || json.Unmarshal([]byte(text), &in) != nil {
		return context.WithCancel(context.Background())
	}
	lambdacontext.FunctionName = in.Function.Name
	lambdacontext.FunctionVersion = in.Function.Version
	lambdacontext.MemoryLimitInMB = in.Function.Memory
	lambdacontext.LogGroupName = in.Function.LogGroup
	lambdacontext.LogStreamName = in.Function.LogStream

	lc := &lambdacontext.LambdaContext{
		AwsRequestID:       in.RequestID,
		InvokedFunctionArn: in.InvokedFunctionARN,
		Identity: lambdacontext.CognitoIdentity{
			CognitoIdentityID:     in.Identity.ID,
			CognitoIdentityPoolID: in.Identity.PoolID,
		},
		TenantID: in.TenantID,
	}
	// A caller may send anything as client context. What is none is none, and not the function's failure.
	if json.Unmarshal(in.ClientContext, &lc.ClientContext) != nil {
		lc.ClientContext = lambdacontext.ClientContext{}
	}
	trace := in.TraceID
	if sent := header.Get(traceHeader); sent != "" {
		trace = sent
	}
	// For AWS's X-Ray SDK. The environment is the instance's own, and an instance has one request at a time.
	os.Setenv("_X_AMZN_TRACE_ID", trace)

	ctx := lambdacontext.NewContext(context.Background(), lc)
	//lint:ignore SA1029 the key is AWS's
	ctx = context.WithValue(ctx, "x-amzn-trace-id", trace)
	if in.DeadlineMS <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, time.UnixMilli(in.DeadlineMS))
}

// remoteAddr returns the caller's address as net/http has it. Nobody knows its port.
func remoteAddr(header http.Header) string {
	var context struct {
		HTTP struct {
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
		Identity struct {
			SourceIP string `json:"sourceIp"`
		} `json:"identity"`
	}
	if text := header.Get(requestContextHeader); text != "" && json.Unmarshal([]byte(text), &context) == nil {
		for _, ip := range []string{context.HTTP.SourceIP, context.Identity.SourceIP} {
			if ip != "" {
				return net.JoinHostPort(ip, "0")
			}
		}
	}
	// The last one is from the load balancer. What is before it is from whoever asked.
	forwarded := header.Values("X-Forwarded-For")
	if len(forwarded) == 0 {
		return ""
	}
	last := forwarded[len(forwarded)-1]
	ip := strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
	if ip == "" {
		return ""
	}
	return net.JoinHostPort(ip, "0")
}
