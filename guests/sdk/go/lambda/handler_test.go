package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type order struct {
	ID int `json:"id"`
}

type orderNotFound struct{}

func (*orderNotFound) Error() string { return "no such order" }

type bytesHandler struct{}

func (bytesHandler) Invoke(_ context.Context, event []byte) ([]byte, error) {
	return append([]byte("got "), event...), nil
}

// response gives what the caller of a guest gets: the response, or `type: message`.
func response(handler any, event string, options ...Option) string {
	text, failed := newHandler(handler, options...).response([]byte(event), &invocation{deadline: time.Now().Add(time.Minute)})
	if failed != nil {
		return failed.Type + ": " + failed.Message
	}
	return string(text)
}

func TestEveryKindOfHandler(t *testing.T) {
	called := false
	for want, handler := range map[string][]any{
		"null": {
			func() { called = true },
			func(order) {},
			func() error { return nil },
			func(order) error { return nil },
			func(context.Context) {},
			func(context.Context) error { return nil },
			func(context.Context, order) {},
			func(context.Context, order) error { return nil },
		},
		`{"id":7}`: {
			func() (order, error) { return order{7}, nil },
			func(o order) (order, error) { return o, nil },
			func(o *order) (*order, error) { return o, nil },
			func(o any) (any, error) { return o, nil },
			func(o json.RawMessage) (json.RawMessage, error) { return o, nil },
			func(context.Context) (order, error) { return order{7}, nil },
			func(_ context.Context, o order) (order, error) { return o, nil },
			func(_ context.Context, o map[string]int) (map[string]int, error) { return o, nil },
			NewHandler(func(o order) (order, error) { return o, nil }),
		},
		`got {"id":7}`:   {bytesHandler{}, &bytesHandler{}},
		`"eyJpZCI6N30="`: {func() ([]byte, error) { return []byte(`{"id":7}`), nil }},
		"<p>":            {func() (io.Reader, error) { return strings.NewReader("<p>"), nil }},
		"orderNotFound: no such order": {
			func() error { return &orderNotFound{} },
			func(order) (*order, error) { return nil, &orderNotFound{} },
			func() (order, *orderNotFound) { return order{}, &orderNotFound{} },
		},
	} {
		for _, h := range handler {
			if got := response(h, `{"id":7}`); got != want {
				t.Errorf("%T returns %s, and not %s", h, got, want)
			}
		}
	}
	if !called {
		t.Error("the handler was not called")
	}
}

func TestWhatIsNoHandler(t *testing.T) {
	var none func()
	for _, c := range []struct {
		handler any
		message string
	}{
		{nil, "the handler is nil"},
		{none, "the handler is nil"},
		{7, "the handler is of kind `int`, and not a function"},
		{func(context.Context, order, int) {}, "the handler may not take more than two arguments, but takes 3"},
		{func(order, context.Context) {}, "the handler takes two arguments, but the first is `lambda.order`, and not `context.Context`"},
		{func(any, order) {}, "the handler takes two arguments, but the first is `interface {}`, and not `context.Context`"},
		{func(io.Reader) {}, "the handler takes the interface `io.Reader`, which is not `context.Context`"},
		{func(...order) {}, "the handler may not take a variable number of arguments"},
		{func() order { return order{} }, "the handler's last result is `lambda.order`, and not an error"},
		{func() (error, order) { return nil, order{} }, "the handler's last result is `lambda.order`, and not an error"},
		{func() (order, order, error) { return order{}, order{}, nil }, "the handler may not return more than two values, but returns 3"},
	} {
		if got := newHandler(c.handler).invalid; got == nil || got.Error() != c.message {
			t.Errorf("%T: %v", c.handler, got)
		}
		if got := response(c.handler, "{}"); !strings.HasSuffix(got, ": "+c.message) {
			t.Errorf("%T returns %s", c.handler, got)
		}
	}
}

func TestEventsThatAreNot(t *testing.T) {
	handler := func(order) error { panic("called") }
	for _, event := range []string{
		"", " ", "x", "{", `{"id":7} x`, `{"id":7}{}`, "[]", `{"id":"7"}`, "\x00", `"`,
		strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 1001) + "1" + strings.Repeat("}", 1001),
	} {
		if got := response(handler, event); !strings.HasPrefix(got, "InvalidEvent: the event is not ") {
			t.Errorf("the response to %.20q is %s", event, got)
		}
	}
	deep := strings.Repeat("[", 1000) + `"[\"["` + strings.Repeat("]", 1000) + "\n"
	if got := response(func(v any) (any, error) { return v, nil }, deep); got != strings.TrimSpace(deep) {
		t.Errorf("the response to 1,000 levels is %.200s", got)
	}
}

func TestAnswersThatAreNot(t *testing.T) {
	for _, c := range []struct {
		handler  any
		response string
	}{
		{func() (any, error) { return func() {}, nil }, "InvalidResponse: the response can't be written as JSON: json: unsupported type: func()"},
		{func() (io.Reader, error) { return bytes.NewReader([]byte{0xff}), nil }, "InvalidResponse: the response is not UTF-8; send bytes as base64"},
	} {
		if got := response(c.handler, "{}"); got != c.response {
			t.Error(got)
		}
	}
}

func TestOptions(t *testing.T) {
	type key struct{}
	echo := func(v any) (any, error) { return v, nil }
	for _, c := range []struct {
		handler  any
		event    string
		response string
		options  []Option
	}{
		{echo, `"<&>"`, `"<&>"`, nil},
		{echo, `"<&>"`, `"\u003c\u0026\u003e"`, []Option{WithSetEscapeHTML(true)}},
		{echo, `[1]`, "[\n 1\n]\n", []Option{WithSetIndent("", " ")}},
		{echo, `9007199254740993`, `9007199254740992`, nil},
		{echo, `9007199254740993`, `9007199254740993`, []Option{WithUseNumber(true)}},
		{func(order) {}, `{"no":1}`, `null`, nil},
		{func(order) {}, `{"no":1}`, `InvalidEvent: the event is not what the handler takes: json: unknown field "no"`,
			[]Option{WithDisallowUnknownFields(true)}},
		{func(ctx context.Context) (any, error) { return ctx.Value(key{}), nil }, `1`, `"v"`,
			[]Option{WithContextValue(key{}, "v"), WithContext(context.Background()), WithEnableSIGTERM(func() {})}},
	} {
		if got := response(c.handler, c.event, c.options...); got != c.response {
			t.Errorf("the response to %s is %s", c.event, got)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		err      error
		response string
	}{
		{errors.New("plain"), "errorString: plain"},
		{fmt.Errorf("outer: %w", io.EOF), "wrapError: outer: EOF"},
		{messages.InvokeResponse_Error{Type: "Mine", Message: "chosen"}, "Mine: chosen"},
		{&messages.InvokeResponse_Error{Type: "Mine", Message: "chosen"}, "Mine: chosen"},
	} {
		if got := response(func() error { return c.err }, "{}"); got != c.response {
			t.Error(got)
		}
	}
}

func TestPanics(t *testing.T) {
	for value, want := range map[any]string{"boom": "string: boom", 7: "int: 7", orderNotFound{}: "orderNotFound: {}"} {
		if got := response(func() { panic(value) }, "{}"); got != want {
			t.Error(got)
		}
	}
}

func TestContext(t *testing.T) {
	deadline := time.Now().Add(time.Minute).Truncate(time.Millisecond)
	in := &invocation{
		requestID: "r", functionName: "f", functionVersion: "v", invokedFunctionARN: "a", memoryLimitMiB: 128,
		logGroupName: "g", logStreamName: "s", deadline: deadline, traceID: "t",
		clientContext: `{"client":{"app_title":"app"},"custom":{"k":"v"}}`, identityID: "i", identityPoolID: "p", tenantID: "n",
	}
	ctx, cancel := in.context(context.Background())
	defer cancel()
	lc, _ := lambdacontext.FromContext(ctx)
	got, _ := json.Marshal(lc)
	want := `{"AwsRequestID":"r","InvokedFunctionArn":"a","Identity":{"CognitoIdentityID":"i","CognitoIdentityPoolID":"p"},` +
		`"ClientContext":{"Client":{"installation_id":"","app_title":"app","app_version_code":"","app_package_name":""},` +
		`"env":null,"custom":{"k":"v"}},"TenantID":"n"}`
	if string(got) != want {
		t.Errorf("%s", got)
	}
	if d, ok := ctx.Deadline(); !ok || !d.Equal(deadline) {
		t.Error(d)
	}
	if ctx.Value("x-amzn-trace-id") != "t" || lambdacontext.FunctionName != "f" || lambdacontext.MemoryLimitInMB != 128 {
		t.Error(ctx)
	}

	in.clientContext = "whatever a caller sends"
	ctx, cancel = in.context(context.Background())
	defer cancel()
	if lc, _ := lambdacontext.FromContext(ctx); lc.ClientContext.Custom != nil {
		t.Error(lc.ClientContext)
	}
}

func TestPrepare(t *testing.T) {
	started := make(chan *reflected)
	start := func(handler any) { started <- newHandler(handler); select {} }
	for _, c := range []struct {
		main func()
		want string
	}{
		{func() { start(func() {}) }, ""},
		{func() { start(7) }, "InvalidHandler: the handler is of kind `int`, and not a function"},
		{func() {}, "NoHandler: main ended without `lambda.Start`"},
		{func() { panic("no table") }, "string: no table"},
	} {
		handler, failed := prepare(c.main, started)
		switch {
		case c.want == "" && handler == nil, c.want != "" && (failed == nil || failed.Type+": "+failed.Message != c.want):
			t.Errorf("%s: %v %v", c.want, handler, failed)
		}
	}
}
