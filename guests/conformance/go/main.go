// Does what the conformance tests ask of the guests of every language.
package main

import (
	"context"
	crypto "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"guesthouse.dev/go/lambda"
)

type Event struct {
	Do    string `json:"do"`
	Value any    `json:"value"`
	Lines int    `json:"lines"`
	Name  string `json:"name"`
	Text  string `json:"text"`
	MS    int64  `json:"ms"`
}

type OrderNotFound struct{}

func (OrderNotFound) Error() string { return "no such order" }

var count int

func handle(ctx context.Context, event Event) (any, error) {
	switch event.Do {
	case "echo":
		return event.Value, nil
	case "fail typed":
		return nil, OrderNotFound{}
	case "fail untyped":
		return nil, errors.New("something went wrong")
	case "log":
		for line := 1; line <= event.Lines; line++ {
			fmt.Println("out", line)
			fmt.Fprintln(os.Stderr, "err", line)
		}
		return nil, nil
	case "count":
		count++
		return count, nil
	case "write":
		return nil, os.WriteFile("/tmp/"+event.Name, []byte(event.Text), 0o666)
	case "read":
		text, err := os.ReadFile("/tmp/" + event.Name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return string(text), err
	case "env":
		if value, ok := os.LookupEnv(event.Name); ok {
			return value, nil
		}
		return nil, nil
	case "now":
		return time.Now().UnixMilli(), nil
	case "sleep":
		start := time.Now()
		time.Sleep(time.Duration(event.MS) * time.Millisecond)
		return time.Since(start).Milliseconds(), nil
	case "random":
		return random()
	case "remaining":
		deadline, _ := ctx.Deadline()
		return time.Until(deadline).Milliseconds(), nil
	case "context":
		return describe(ctx), nil
	}
	return nil, errors.New("no such behaviour")
}

func random() (any, error) {
	var numbers []string
	for range 8 {
		numbers = append(numbers, fmt.Sprint(rand.Int63()))
	}
	secure := make([]byte, 16)
	if _, err := crypto.Read(secure); err != nil {
		return nil, err
	}
	return map[string]string{"default": strings.Join(numbers, " "), "secure": hex.EncodeToString(secure)}, nil
}

func describe(ctx context.Context) any {
	deadline, _ := ctx.Deadline()
	lc, _ := lambdacontext.FromContext(ctx)
	traceID, _ := ctx.Value("x-amzn-trace-id").(string)
	return map[string]any{
		"request_id":           orNull(lc.AwsRequestID),
		"function_name":        orNull(lambdacontext.FunctionName),
		"function_version":     orNull(lambdacontext.FunctionVersion),
		"invoked_function_arn": orNull(lc.InvokedFunctionArn),
		"memory_limit_mib":     lambdacontext.MemoryLimitInMB,
		"log_group_name":       orNull(lambdacontext.LogGroupName),
		"log_stream_name":      orNull(lambdacontext.LogStreamName),
		"deadline_ms":          deadline.UnixMilli(),
		"trace_id":             orNull(traceID),
		"tenant_id":            orNull(lc.TenantID),
		"identity_id":          orNull(lc.Identity.CognitoIdentityID),
		"identity_pool_id":     orNull(lc.Identity.CognitoIdentityPoolID),
		"custom":               lc.ClientContext.Custom,
	}
}

// orNull is null for what is absent, which AWS's package has as an empty string.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func main() {
	// As float64, an echoed integer would lose what is beyond 53 bits.
	lambda.StartWithOptions(handle, lambda.WithUseNumber(true))
}
