package network

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	_ "unsafe" // for go:linkname

	"guesthouse.dev/go/internal/wasi"
)

// everyTransport is asked by all Transports of net/http, if `guesthouse build` builds the guest: it changes net/http so
// that there is a variable of this name.
//
//go:linkname everyTransport net/http.guesthouseRoundTrip
var everyTransport func(*http.Transport, *http.Request) (*http.Response, error)

func init() {
	everyTransport = roundTrip
	if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		transport.RegisterProtocol("http", registered{transport})
		transport.RegisterProtocol("https", registered{transport})
		// A Transport without HTTP/2 does not register a protocol for https itself.
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
}

// registered is what [http.DefaultTransport] asks, whoever builds the guest.
type registered struct{ transport *http.Transport }

func (r registered) RoundTrip(request *http.Request) (*http.Response, error) {
	return roundTrip(r.transport, request)
}

// underWay has room for as many requests as the host takes whose responses were not taken. Others wait here.
var underWay = make(chan struct{}, 100)

// roundTrip sends the request through the host, and returns once there is a response. t has the settings.
func roundTrip(t *http.Transport, r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if err := check(r); err != nil {
		closeBody(r)
		return nil, err
	}
	select {
	case underWay <- struct{}{}:
		defer func() { <-underWay }()
	case <-ctx.Done():
		closeBody(r)
		return nil, context.Cause(ctx)
	}

	body, length, err := openBody(r)
	if err != nil {
		return nil, err
	}
	makeRoom()
	gzip := asksForGzip(r, t.DisableCompression)
	x, err := wasi.Send(&wasi.Request{
		Method:    r.Method,
		Scheme:    r.URL.Scheme,
		Authority: r.URL.Host,
		Path:      r.URL.RequestURI(),
		Fields:    requestHeaders(r, length, gzip),
		HasBody:   body != nil,
	})
	if err != nil {
		closeBody(r)
		return nil, fromHost(err, r)
	}
	upload := newUpload(r, x.Upload, body, length)
	answer, err := await(ctx, t, x, upload)
	x.Drop()
	if err != nil {
		upload.stop()
		return nil, fromHost(err, r)
	}
	response, err := newResponse(r, answer, upload, gzip)
	if err != nil {
		answer.Drop()
		upload.stop()
	}
	return response, err
}

// await waits for the response, or for what makes waiting for it useless.
func await(ctx context.Context, t *http.Transport, x *wasi.Exchange, upload *upload) (*wasi.Response, error) {
	var late chan struct{}
	if t.ResponseHeaderTimeout > 0 {
		late = make(chan struct{})
		timer := time.AfterFunc(t.ResponseHeaderTimeout, func() { close(late) })
		defer timer.Stop()
	}
	if !x.Wait(ctx.Done(), late, upload.failed) {
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case upload.err != nil:
			return nil, upload.err
		default:
			return nil, lateError{}
		}
	}
	answer, err := x.Response()
	if err != nil && upload.err != nil {
		// The host knows only that there is no more of the body.
		err = upload.err
	}
	return answer, err
}

// lateError is the error of a response that does not begin in time.
type lateError struct{}

func (lateError) Error() string   { return "net/http: timeout awaiting response headers" }
func (lateError) Timeout() bool   { return true }
func (lateError) Temporary() bool { return true }
func (lateError) Is(err error) bool {
	return err == context.DeadlineExceeded
}

// check refuses what net/http would refuse, and what the host can't send.
func check(r *http.Request) error {
	switch {
	case r.URL == nil:
		return errors.New("http: nil Request.URL")
	case r.Header == nil:
		return errors.New("http: nil Request.Header")
	case r.URL.Scheme != "http" && r.URL.Scheme != "https":
		return fmt.Errorf("unsupported protocol scheme %q", r.URL.Scheme)
	case r.URL.Host == "":
		return errors.New("http: no Host in request URL")
	case !sameHost(r):
		return fmt.Errorf("http: a guest can't send another Host (%q) than that of the URL (%q)", r.Host, r.URL.Host)
	}
	return r.Context().Err()
}

// closeBody closes the body of a request that is not sent.
func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}

// fromHost makes an error of Go's of what package wasi returns.
func fromHost(err error, r *http.Request) error {
	if failed, ok := err.(*wasi.HTTPFailure); ok {
		return failure(failed.Code, failed.Text, hostAndPort(r))
	}
	switch err {
	case wasi.ErrField:
		return fmt.Errorf("net/http: invalid header: %w", err)
	case wasi.ErrRequest:
		return fmt.Errorf("net/http: invalid request: %w", err)
	case wasi.ErrStream:
		return io.ErrUnexpectedEOF
	}
	return err
}

func hostAndPort(r *http.Request) string {
	host := r.URL.Host
	if r.URL.Port() == "" {
		host = strings.TrimSuffix(host, ":") + map[string]string{"http": ":80", "https": ":443"}[r.URL.Scheme]
	}
	return host
}
