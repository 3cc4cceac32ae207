// This guest handles events, and streams its responses as the event asks. The guest in Rust takes the same events.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"guesthouse.dev/go/lambda"
)

type Event struct {
	// Do is `pieces`, `http`, `nothing`, `fail`, `trap` or `before`.
	Do string `json:"do"`
	// Count pieces of Size bytes are sent, with a wait of MS milliseconds after each.
	Count int           `json:"count"`
	Size  int           `json:"size"`
	MS    time.Duration `json:"ms"`
}

func handle(_ context.Context, event Event) (io.Reader, error) {
	sent := &pieces{event: event, filler: strings.Repeat("x", event.Size)}
	switch event.Do {
	case "http":
		return &events.LambdaFunctionURLStreamingResponse{
			StatusCode: 201,
			Headers:    map[string]string{"content-type": "text/plain", "x-made-by": "go"},
			Cookies:    []string{"a=1", "b=2"},
			Body:       sent,
		}, nil
	case "before":
		return nil, errors.New("the handler fails before it streams")
	default:
		return sent, nil
	}
}

// pieces reads as numbered pieces.
type pieces struct {
	event  Event
	filler string
	next   int
	rest   string
}

func (p *pieces) Read(into []byte) (int, error) {
	if p.rest == "" {
		if p.next == p.event.Count {
			return 0, p.end()
		}
		if p.next > 0 {
			time.Sleep(p.event.MS * time.Millisecond)
		}
		p.rest = fmt.Sprintf("%d:%s", p.next, p.filler)
		p.next++
	}
	n := copy(into, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *pieces) end() error {
	switch p.event.Do {
	case "fail":
		return errors.New("the handler fails while it streams")
	case "trap":
		var nothing *Event
		return errors.New(nothing.Do)
	}
	return io.EOF
}

func (*pieces) ContentType() string {
	return "text/x-pieces"
}

func main() {
	lambda.Start(handle)
}
