package network

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"guesthouse.dev/go/internal/wasi"
)

// newResponse makes a response of net/http of the host's.
func newResponse(r *http.Request, from *wasi.Response, upload *upload, gzip bool) (*http.Response, error) {
	header, trailer := responseHeader(from.Fields)
	length, err := responseLength(r.Method, from.Status, header)
	if err != nil {
		return nil, err
	}
	response := &http.Response{
		Status:        strconv.Itoa(from.Status) + " " + http.StatusText(from.Status),
		StatusCode:    from.Status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		ContentLength: length,
		Trailer:       trailer,
		Request:       r,
		Body:          http.NoBody,
	}
	if r.URL.Scheme == "https" {
		// The connection is the host's. Code that asks whether there is TLS finds that there is.
		response.TLS = &tls.ConnectionState{
			Version: tls.VersionTLS12, HandshakeComplete: true, ServerName: r.URL.Hostname(),
		}
	}
	if !hasBody(r.Method, from.Status) {
		from.Drop()
		return response, nil
	}
	response.Body = newBody(&body{ctx: r.Context(), from: from, upload: upload, response: response, rest: length,
		closed: make(chan struct{})})
	if gzip && strings.EqualFold(header.Get("Content-Encoding"), "gzip") {
		header.Del("Content-Encoding")
		header.Del("Content-Length")
		response.ContentLength = -1
		response.Uncompressed = true
		response.Body = &unpacked{packed: response.Body}
	}
	return response, nil
}

// body is a response's body.
type body struct {
	ctx      context.Context
	response *http.Response
	upload   *upload
	// closed lets a Read end that waits for the host. Whoever has the mutex uses from.
	closed chan struct{}
	once   sync.Once
	mutex  sync.Mutex
	from   *wasi.Response
	// holding lets go of from.
	holding *holding
	// rest is how much of the body is to come, negative if that is unknown.
	rest int64
	// read is what was read from the host, and not by the caller.
	read []byte
	err  error
}

// newBody has the host's response be let go of when nobody has the body any more, closed or not.
func newBody(b *body) *body {
	b.holding = hold(b.from)
	runtime.AddCleanup(b, (*holding).drop, b.holding)
	return b
}

// A caller that reads less at once gets it of a piece of this size.
const smallRead = 4 << 10

func (b *body) Read(into []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.isClosed() {
		return 0, http.ErrBodyReadAfterClose
	}
	if len(b.read) == 0 && b.err == nil && len(into) > 0 {
		if len(into) >= smallRead {
			n, err := b.fill(into)
			b.err = err
			return n, err
		}
		size := int64(smallRead)
		if b.rest >= 0 {
			size = min(size, max(b.rest, 1))
		}
		memory := into
		if int64(len(into)) < size {
			memory = make([]byte, size)
		}
		n, err := b.fill(memory)
		b.err = err
		b.read = memory[:n]
		if &memory[0] == &into[0] {
			b.read = nil
			return n, err
		}
	}
	n := copy(into, b.read)
	b.read = b.read[n:]
	if len(b.read) > 0 || len(into) == 0 {
		return n, nil
	}
	return n, b.err
}

// fill reads from the host. At the end of the body it ends the response.
func (b *body) fill(into []byte) (int, error) {
	for b.rest != 0 {
		n, err := b.from.Read(into)
		switch {
		case err == io.EOF && b.rest > 0:
			return 0, b.fail(io.ErrUnexpectedEOF)
		case err == io.EOF:
			return 0, b.end()
		case err != nil:
			return 0, b.fail(brokenOff(err, b.response.Request))
		case n > 0 && b.rest > 0:
			b.rest -= min(int64(n), b.rest)
			if b.rest == 0 {
				return n, b.end()
			}
			return n, nil
		case n > 0:
			return n, nil
		}
		if !b.from.Wait(b.ctx.Done(), b.closed) {
			if b.ctx.Err() != nil {
				return 0, b.fail(context.Cause(b.ctx))
			}
			return 0, http.ErrBodyReadAfterClose
		}
	}
	return 0, b.end()
}

// brokenOff is fromHost for a body of which more is to come.
func brokenOff(err error, r *http.Request) error {
	if failed, ok := err.(*wasi.HTTPFailure); ok && (failed.Code == connectionTerminated || failed.Code == incomplete) {
		return io.ErrUnexpectedEOF
	}
	return fromHost(err, r)
}

// end reads the trailers, which only a body of unknown length has.
func (b *body) end() error {
	if b.rest < 0 {
		trailers, err := b.from.Trailers(b.ctx.Done(), b.closed)
		if err != nil {
			return b.fail(fromHost(err, b.response.Request))
		}
		for _, field := range trailers {
			if b.response.Trailer == nil {
				b.response.Trailer = http.Header{}
			}
			b.response.Trailer.Add(field.Name, field.Value)
		}
	}
	b.holding.drop()
	return io.EOF
}

func (b *body) fail(err error) error {
	b.holding.drop()
	b.upload.stop()
	return err
}

func (b *body) Close() error {
	b.once.Do(func() { close(b.closed) })
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.holding.drop()
	b.upload.stop()
	return nil
}

func (b *body) isClosed() bool {
	select {
	case <-b.closed:
		return true
	default:
		return false
	}
}
