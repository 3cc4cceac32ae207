package streaming

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"unsafe"

	"guesthouse.dev/go/internal/streams"
)

func init() {
	streams.Send = send
}

// piece is how much is sent at once of a response that does not write itself.
const piece = 64 << 10

func send(contentType string, response io.Reader) error {
	if err := open(contentType); err != nil {
		return err
	}
	_, err := io.CopyBuffer(writer{}, response, make([]byte, piece))
	if errors.Is(err, errClosed) {
		// That nobody receives the rest is not the handler's failure.
		return nil
	}
	return err
}

func open(contentType string) error {
	openStream(contentType, unsafe.Pointer(&result))
	return result.error()
}

// writer sends what it is given, and returns when the host has taken it.
type writer struct{}

func (writer) Write(data []byte) (int, error) {
	writeStream(unsafe.Pointer(unsafe.SliceData(data)), uint32(len(data)), unsafe.Pointer(&result))
	runtime.KeepAlive(data)
	if err := result.error(); err != nil {
		return 0, err
	}
	return len(data), nil
}

// outcome is a result<_, stream-error>.
type outcome struct{ isError, which uint8 }

// result is read at once, before another goroutine can run.
var result outcome

var errClosed = errors.New("nobody receives the rest of the response")

func (o *outcome) error() error {
	const wrongState, invalidContentType, closed = 0, 1, 2
	switch {
	case o.isError == 0:
		return nil
	case o.which == wrongState:
		return errors.New("the response can't be streamed: it was begun already")
	case o.which == invalidContentType:
		return errors.New("the response's content type can't stand in a header")
	case o.which == closed:
		return errClosed
	}
	return fmt.Errorf("stream-error %d", o.which)
}

//go:wasmimport guesthouse:lambda/response-stream@0.1.0 open
//go:noescape
func openStream(contentType string, result unsafe.Pointer)

//go:wasmimport guesthouse:lambda/response-stream@0.1.0 write
//go:noescape
func writeStream(data unsafe.Pointer, length uint32, result unsafe.Pointer)
