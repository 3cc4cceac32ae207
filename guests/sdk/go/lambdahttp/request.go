package lambdahttp

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"

	"guesthouse.dev/go/internal/headers"
	"guesthouse.dev/go/internal/wasi"
)

// head is a request without its body.
type head struct {
	method    string
	scheme    string
	authority string
	path      string
	fields    []wasi.Field
}

// request makes a request of net/http. open returns its body, and is called at most once.
func (h *head) request(open func(context.Context) io.ReadCloser) (*http.Request, context.CancelFunc, error) {
	header := headerOf(h.fields)
	target := h.path
	if target == "" {
		target = "/"
	}
	parsed, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, nil, fmt.Errorf("malformed request target: %w", err)
	}
	length, err := headers.ContentLength(header)
	if err != nil {
		return nil, nil, err
	}
	host := h.authority
	if host == "" {
		host = header.Get("Host")
	}
	// As net/http does, which has it in a field.
	delete(header, "Host")
	ctx, cancel := contextOf(header)
	r := &http.Request{
		Method:        h.method,
		URL:           parsed,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		Body:          http.NoBody,
		ContentLength: length,
		Host:          host,
		RemoteAddr:    remoteAddr(header),
		RequestURI:    target,
	}
	if h.scheme == "https" {
		// The connection was not the guest's. Code that asks whether there was TLS finds that there was.
		server := (&url.URL{Host: host}).Hostname()
		r.TLS = &tls.ConnectionState{Version: tls.VersionTLS12, HandshakeComplete: true, ServerName: server}
	}
	if length != 0 {
		r.Body = open(ctx)
		if length < 0 && usuallyLacksBody(h.method) {
			peek(r)
		}
	}
	return r.WithContext(ctx), cancel, nil
}

func headerOf(fields []wasi.Field) http.Header {
	header := make(http.Header, len(fields))
	for _, field := range fields {
		name := textproto.CanonicalMIMEHeaderKey(field.Name)
		header[name] = append(header[name], field.Value)
	}
	return header
}

func usuallyLacksBody(method string) bool {
	switch method {
	case "GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT":
		return true
	}
	return false
}

// peek makes a body of which nothing says that there is one none, if it is empty.
func peek(r *http.Request) {
	first := make([]byte, 1)
	n, err := io.ReadFull(r.Body, first)
	switch {
	case err == io.EOF:
		r.Body.Close()
		r.Body, r.ContentLength = http.NoBody, 0
	case n == 1:
		r.Body = &peeked{ReadCloser: r.Body, first: first}
	}
}

// peeked is a body of which the first byte was read.
type peeked struct {
	io.ReadCloser
	first []byte
}

func (p *peeked) Read(into []byte) (int, error) {
	if len(p.first) > 0 && len(into) > 0 {
		n := copy(into, p.first)
		p.first = p.first[n:]
		return n, nil
	}
	return p.ReadCloser.Read(into)
}
