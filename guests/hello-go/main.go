// Greets whoever the event names, and shows the two places where a handler can keep something: its own memory, which
// the instance has to itself, and /tmp, which all instances of an environment share.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"guesthouse.dev/go/lambda"
)

type Event struct {
	Name *string `json:"name"`
}

type Response struct {
	Message string `json:"message"`
	// How many events this instance has handled, this one included.
	Count int `json:"count"`
	// Whom the last greeting was for, as /tmp remembers it.
	Last *string `json:"last"`
}

const lastFile = "/tmp/hello-last"

var count int

func hello(ctx context.Context, event Event) (*Response, error) {
	name := "world"
	if event.Name != nil {
		name = *event.Name
	}
	deadline, _ := ctx.Deadline()
	fmt.Printf("greeting %s with %d ms left\n", name, time.Until(deadline).Milliseconds())

	var last *string
	if text, err := os.ReadFile(lastFile); err == nil {
		s := string(text)
		last = &s
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.WriteFile(lastFile, []byte(name), 0o666); err != nil {
		return nil, err
	}

	count++
	return &Response{Message: fmt.Sprintf("Hello %s!", name), Count: count, Last: last}, nil
}

func main() {
	lambda.Start(hello)
}
