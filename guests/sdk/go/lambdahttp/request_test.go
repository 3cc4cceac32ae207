package lambdahttp

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"guesthouse.dev/go/internal/wasi"
)

func requestOf(t *testing.T, h *head, body string) *http.Request {
	t.Helper()
	r, cancel, err := h.request(func(context.Context) io.ReadCloser { return io.NopCloser(strings.NewReader(body)) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cancel)
	return r
}

func TestARequestIsWhatNetHTTPWouldMakeOfIt(t *testing.T) {
	r := requestOf(t, &head{
		method: "POST", scheme: "https", authority: "example.com:8443", path: "//a%2Fb/../c?x=1&x=%20;y",
		fields: []wasi.Field{{Name: "host", Value: "other"}, {Name: "x-a", Value: "1"}, {Name: "x-a", Value: "2"},
			{Name: "content-length", Value: "3"}},
	}, "abc")
	if r.URL.Path != "//a/b/../c" || r.URL.RawPath != "//a%2Fb/../c" || r.URL.RawQuery != "x=1&x=%20;y" || r.URL.Host != "" {
		t.Errorf("%#v", r.URL)
	}
	if r.Host != "example.com:8443" || r.TLS.ServerName != "example.com" || r.Header.Get("Host") != "" {
		t.Error(r.Host, r.TLS, r.Header)
	}
	if values := r.Header["X-A"]; len(values) != 2 || values[1] != "2" {
		t.Error(values)
	}
	if body, _ := io.ReadAll(r.Body); string(body) != "abc" || r.ContentLength != 3 {
		t.Errorf("%q %d", body, r.ContentLength)
	}
}

func TestABodyOfUnknownLengthIsNoneIfItIsEmpty(t *testing.T) {
	for _, body := range []string{"", "a", "abc"} {
		r := requestOf(t, &head{method: "GET", path: "/"}, body)
		read, err := io.ReadAll(r.Body)
		if string(read) != body || err != nil || (r.Body == http.NoBody) != (body == "") || (r.ContentLength == 0) != (body == "") {
			t.Errorf("%q: %q %v %d", body, read, err, r.ContentLength)
		}
	}
}

func TestARequestThatIsNoneIsRefused(t *testing.T) {
	for _, h := range []*head{
		{method: "GET", path: "/a%zz"},
		{method: "GET", path: "a"},
		{method: "GET", path: "/", fields: []wasi.Field{{Name: "content-length", Value: "-1"}}},
		{method: "GET", path: "/", fields: []wasi.Field{{Name: "content-length", Value: "1, 2"}}},
	} {
		if _, _, err := h.request(nil); err == nil {
			t.Error(h)
		}
	}
}

func TestTheCallersAddressIsTheOneThatAWSSaw(t *testing.T) {
	for _, c := range []struct{ context, forwarded, want string }{
		{`{"http":{"sourceIp":"1.2.3.4"}}`, "9.9.9.9", "1.2.3.4:0"},
		{`{"identity":{"sourceIp":"::1"}}`, "9.9.9.9", "[::1]:0"},
		{`{"elb":{}}`, "6.6.6.6, 1.2.3.4", "1.2.3.4:0"},
		{`{"http":`, "", ""},
		{"", "1.2.3.4", "1.2.3.4:0"},
	} {
		header := http.Header{}
		if c.context != "" {
			header.Set("x-amzn-request-context", c.context)
		}
		if c.forwarded != "" {
			header.Set("x-forwarded-for", c.forwarded)
		}
		if is := remoteAddr(header); is != c.want {
			t.Errorf("%v: %q", c, is)
		}
	}
}

func TestTheContextIsThatOfTheInvocation(t *testing.T) {
	field := func(name, value string) wasi.Field { return wasi.Field{Name: name, Value: value} }
	r := requestOf(t, &head{method: "GET", path: "/", fields: []wasi.Field{
		field("x-amzn-lambda-context", `{"request_id":"r","deadline":4000000000000,"invoked_function_arn":"arn",
			"client_context":{"custom":{"a":"b"}},"identity":{"identity_id":"i","identity_pool_id":"p"},"tenant_id":"t",
			"env_config":{"function_name":"f","memory":128,"version":"1","log_stream":"s","log_group":"g"}}`),
		field("x-amzn-request-context", `{"stage":"dev"}`),
	}}, "")
	lc, _ := lambdacontext.FromContext(r.Context())
	deadline, _ := r.Context().Deadline()
	if lc == nil || lc.AwsRequestID != "r" || lc.InvokedFunctionArn != "arn" || lc.Identity.CognitoIdentityPoolID != "p" ||
		lc.ClientContext.Custom["a"] != "b" || lc.TenantID != "t" || !deadline.Equal(time.UnixMilli(4000000000000)) {
		t.Errorf("%+v %v", lc, deadline)
	}
	if lambdacontext.FunctionName != "f" || lambdacontext.LogGroupName != "g" || lambdacontext.MemoryLimitInMB != 128 {
		t.Error(lambdacontext.FunctionName)
	}
	var context struct{ Stage string }
	if err := json.Unmarshal(RequestContext(r), &context); err != nil || context.Stage != "dev" {
		t.Error(err, context)
	}
	if RequestContext(requestOf(t, &head{method: "GET", path: "/"}, "")) != nil {
		t.Error("a request without an event has no context")
	}
}
