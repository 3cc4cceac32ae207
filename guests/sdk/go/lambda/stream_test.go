package lambda

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"guesthouse.dev/go/internal/streams"
)

// closing is a reader that remembers that it was closed.
type closing struct {
	text     io.Reader
	isClosed bool
}

func (c *closing) Read(into []byte) (int, error) { return c.text.Read(into) }

func (c *closing) Close() error {
	c.isClosed = true
	return nil
}

// streamed is what a handler streams, and the text that it returns besides.
func streamed(t *testing.T, handler any) (contentType, sent, text string, failed *failure) {
	t.Helper()
	t.Cleanup(func() { streams.Send = nil })
	streams.Send = func(given string, response io.Reader) error {
		contentType = given
		all, err := io.ReadAll(response)
		sent = string(all)
		return err
	}
	returned, failed := newHandler(handler).response([]byte("{}"), &invocation{})
	return contentType, sent, string(returned), failed
}

func TestAReaderIsStreamedAsItsType(t *testing.T) {
	body := &closing{text: strings.NewReader("\xffabc")}
	contentType, sent, text, failed := streamed(t, func() (io.Reader, error) { return body, nil })
	if contentType != "application/octet-stream" || sent != "\xffabc" || text != "" || failed != nil || !body.isClosed {
		t.Errorf("%q %q %q %v", contentType, sent, text, failed)
	}
	contentType, sent, _, failed = streamed(t, func() (*events.LambdaFunctionURLStreamingResponse, error) {
		return &events.LambdaFunctionURLStreamingResponse{StatusCode: 201, Body: strings.NewReader("abc")}, nil
	})
	if contentType != "application/vnd.awslambda.http-integration-response" || failed != nil ||
		sent != "{\"statusCode\":201}\x00\x00\x00\x00\x00\x00\x00\x00abc" {
		t.Errorf("%q %q %v", contentType, sent, failed)
	}
}

func TestWhatJSONCanSayIsNotStreamed(t *testing.T) {
	contentType, _, text, failed := streamed(t, func() (map[string]int, error) { return map[string]int{"a": 1}, nil })
	if contentType != "" || text != `{"a":1}` || failed != nil {
		t.Errorf("%q %q %v", contentType, text, failed)
	}
}

func TestAReaderThatFailsFailsTheInvocation(t *testing.T) {
	broken := io.MultiReader(strings.NewReader("abc"), &failing{})
	_, sent, _, failed := streamed(t, func() (io.Reader, error) { return broken, nil })
	if sent != "abc" || failed == nil || failed.Message != "no more of it" {
		t.Errorf("%q %v", sent, failed)
	}
}

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, errors.New("no more of it") }

func TestAReaderIsCollectedWhereNothingStreams(t *testing.T) {
	handler := newHandler(func() (io.Reader, error) { return bytes.NewBufferString("abc"), nil })
	text, failed := handler.response([]byte("{}"), &invocation{})
	if string(text) != "abc" || failed != nil {
		t.Errorf("%q %v", text, failed)
	}
}
