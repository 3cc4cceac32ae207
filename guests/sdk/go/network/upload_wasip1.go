package network

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"

	"guesthouse.dev/go/internal/wasi"
)

// openBody returns the request's body and its length, -1 if it is unknown. A request without a body has none.
func openBody(r *http.Request) (io.Reader, int64, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, 0, nil
	}
	if r.ContentLength > 0 {
		return r.Body, r.ContentLength, nil
	}
	if !usuallyLacksBody(r.Method) {
		return r.Body, -1, nil
	}
	// It may be empty, and hosts send nothing of unknown length with such a method.
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if len(body) == 0 || err != nil {
		return nil, 0, err
	}
	return bytes.NewReader(body), int64(len(body)), nil
}

// upload sends a request's body, while the response may come already.
type upload struct {
	// failed is closed once err is set.
	failed  chan struct{}
	err     error
	stopped chan struct{}
	once    sync.Once
	body    io.Closer
}

// newUpload begins to send the body. Without one it does nothing.
func newUpload(r *http.Request, to *wasi.Upload, body io.Reader, length int64) *upload {
	if to == nil {
		return &upload{}
	}
	u := &upload{failed: make(chan struct{}), stopped: make(chan struct{}), body: r.Body}
	go func() {
		err := u.send(to, body, length)
		u.close()
		switch err {
		case nil:
			// Whoever fills in trailers does so before the body's end.
			err = to.Finish(trailerFields(r.Trailer, length))
		case io.ErrClosedPipe:
			// The server does not want more of it. Its response says why.
			to.Drop()
			return
		default:
			to.Drop()
		}
		if err != nil && !u.isStopped() {
			u.err = fromHost(err, r)
			close(u.failed)
		}
	}()
	return u
}

const piece = 32 << 10

func (u *upload) send(to *wasi.Upload, body io.Reader, length int64) error {
	size := int64(piece)
	if length >= 0 {
		// One byte more, to see whether there is one.
		size = min(size, length+1)
	}
	buffer, sent := make([]byte, size), int64(0)
	for {
		n, err := body.Read(buffer)
		if sent += int64(n); length >= 0 && sent > length {
			return fmt.Errorf("http: ContentLength=%d with Body length %d", length, sent)
		}
		if writing := u.write(to, buffer[:n]); writing != nil {
			return writing
		}
		switch {
		case err == io.EOF && sent < length:
			return fmt.Errorf("http: ContentLength=%d with Body length %d", length, sent)
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

func (u *upload) write(to *wasi.Upload, data []byte) error {
	for len(data) > 0 {
		n, err := to.Write(data)
		if err != nil {
			return err
		}
		if data = data[n:]; n == 0 && !to.Wait(u.stopped) {
			return io.ErrClosedPipe
		}
	}
	if u.isStopped() {
		return io.ErrClosedPipe
	}
	return nil
}

func (u *upload) isStopped() bool {
	select {
	case <-u.stopped:
		return true
	default:
		return false
	}
}

// stop ends the upload, if it is not at its end.
func (u *upload) stop() {
	if u.stopped != nil && !u.isStopped() {
		close(u.stopped)
		// Also what it is reading.
		u.close()
	}
}

func (u *upload) close() {
	u.once.Do(func() { u.body.Close() })
}

// trailerFields returns what follows a body of unknown length.
func trailerFields(trailer http.Header, length int64) []wasi.Field {
	if length >= 0 {
		return nil
	}
	var fields []wasi.Field
	for name, values := range trailer {
		for _, value := range values {
			fields = append(fields, wasi.Field{Name: name, Value: value})
		}
	}
	return fields
}
