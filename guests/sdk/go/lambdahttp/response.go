package lambdahttp

import (
	"errors"
	"io"
	"log"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"guesthouse.dev/go/internal/wasi"
)

// stream is a response's body on its way to the host.
type stream interface {
	// write returns once the host has taken all of it.
	write(data []byte) error
	finish(trailers []wasi.Field) error
	// drop breaks the body off.
	drop()
}

// response is an [http.ResponseWriter], as net/http's own.
type response struct {
	request *http.Request
	// begin sends the head.
	begin func(status int, fields []wasi.Field) (stream, error)
	// cancel ends the request's context, once nobody receives the response.
	cancel func()

	header http.Header
	// status is 0 until there is one.
	status int
	// sent is the header as it was when the status was written.
	sent http.Header
	// declared is the length that the header says, -1 if it says none.
	declared int64
	written  int64
	// waiting is what was written before the head was sent.
	waiting []byte
	stream  stream
	// err is why there is nothing more to be written.
	err error
}

var _ interface {
	http.ResponseWriter
	http.Flusher
	io.StringWriter
} = (*response)(nil)

// A response that is no longer than this gets a length.
const longestWaiting = 2048

var errReturned = errors.New("http: the handler has returned")

func (w *response) Header() http.Header {
	return w.header
}

func (w *response) WriteHeader(status int) {
	switch {
	case status < 100 || status > 999:
		panic("invalid WriteHeader code " + strconv.Itoa(status))
	case w.status != 0:
		log.Printf("http: superfluous response.WriteHeader call")
		return
	case status < 200:
		// There is no way to send such a head before the real one.
		return
	}
	w.status = status
	w.sent = w.header.Clone()
	if w.sent == nil {
		w.sent = http.Header{}
	}
	w.declared = -1
	if text := w.sent.Get("Content-Length"); text != "" {
		length, err := strconv.ParseInt(text, 10, 64)
		if err != nil || length < 0 {
			log.Printf("http: invalid Content-Length of %q", text)
			w.sent.Del("Content-Length")
			return
		}
		w.declared = length
	}
}

func (w *response) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.err != nil {
		return 0, w.err
	}
	if len(data) == 0 {
		return 0, nil
	}
	if !hasBody(w.status) {
		return 0, http.ErrBodyNotAllowed
	}
	if w.declared >= 0 && w.written+int64(len(data)) > w.declared {
		return 0, http.ErrContentLength
	}
	w.written += int64(len(data))
	if w.stream == nil && len(w.waiting)+len(data) <= longestWaiting {
		w.waiting = append(w.waiting, data...)
		return len(data), nil
	}
	if w.stream == nil {
		// What is waiting and the beginning of the rest say what type of content it is.
		w.send(append(slices.Clip(w.waiting), data[:min(len(data), sniffed)]...), false)
		w.put(w.waiting)
		w.waiting = nil
	}
	w.put(data)
	if w.err != nil {
		return 0, w.err
	}
	return len(data), nil
}

// sniffed is how much of a body [http.DetectContentType] looks at.
const sniffed = 512

func (w *response) WriteString(text string) (int, error) {
	return w.Write([]byte(text))
}

func (w *response) Flush() {
	w.FlushError()
}

// FlushError sends the head, and what was written so far.
func (w *response) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.stream == nil && w.err == nil {
		w.send(w.waiting, false)
		w.put(w.waiting)
		w.waiting = nil
	}
	return w.err
}

// EnableFullDuplex is for [http.ResponseController]. A request can always be read while its response is written.
func (w *response) EnableFullDuplex() error {
	return nil
}

// finish ends the response of a handler that returned.
func (w *response) finish() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.stream == nil && w.err == nil {
		w.send(w.waiting, true)
		w.put(w.waiting)
	}
	stream := w.stream
	w.stop(errReturned)
	switch {
	case stream == nil:
	case w.declared > w.written && w.isBodySent():
		log.Printf("http: the response has %d bytes, and its Content-Length is %d", w.written, w.declared)
		stream.drop()
	default:
		if err := stream.finish(w.trailers()); err != nil && w.isBodySent() {
			log.Printf("http: the response can't be finished: %v", err)
		}
	}
}

// abort breaks off the response of a handler that panicked, if its head was sent.
func (w *response) abort() {
	stream := w.stream
	w.stop(http.ErrAbortHandler)
	if stream != nil {
		stream.drop()
	}
}

func (w *response) stop(err error) {
	if w.err == nil {
		w.err = err
	}
	w.stream = nil
	w.cancel()
}

// send sends the head. beginning is the beginning of the body, or all of it.
func (w *response) send(beginning []byte, isAll bool) {
	header := w.sent
	_, hasType := header["Content-Type"]
	if len(beginning) > 0 && !hasType && header.Get("Content-Encoding") == "" {
		header.Set("Content-Type", http.DetectContentType(beginning))
	}
	if isAll && w.declared < 0 && hasBody(w.status) && !w.hasTrailers() {
		// For HEAD, too: what the handler wrote is what it would send.
		if w.written > 0 || w.request.Method != http.MethodHead {
			header.Set("Content-Length", strconv.FormatInt(w.written, 10))
			w.declared = w.written
		}
	}
	stream, err := w.begin(w.status, fieldsOf(header))
	if err != nil {
		w.err = err
		return
	}
	w.stream = stream
}

// put writes to the host, unless the response has no body.
func (w *response) put(data []byte) {
	if len(data) == 0 || w.err != nil || !w.isBodySent() {
		return
	}
	if err := w.stream.write(data); err != nil {
		w.err = err
		// What the handler still does for the response is of no use.
		w.cancel()
	}
}

func (w *response) isBodySent() bool {
	return w.request.Method != http.MethodHead && hasBody(w.status)
}

func hasBody(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

func (w *response) hasTrailers() bool {
	if len(w.sent.Values("Trailer")) > 0 {
		return true
	}
	for name := range w.header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return true
		}
	}
	return false
}

// trailers returns the headers that were announced as trailers, and those with the prefix.
func (w *response) trailers() []wasi.Field {
	trailers := http.Header{}
	for _, names := range w.sent.Values("Trailer") {
		for name := range strings.SplitSeq(names, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if values, ok := w.header[name]; ok {
				trailers[name] = values
			}
		}
	}
	for name, values := range w.header {
		if name, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			trailers[name] = values
		}
	}
	return fieldsOf(trailers)
}
