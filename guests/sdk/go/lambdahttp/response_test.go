package lambdahttp

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"guesthouse.dev/go/internal/wasi"
)

// recorded is what the host gets, an event of it on each line.
type recorded struct {
	lines []string
	// room is how many more writes the host takes.
	room int
}

func (r *recorded) write(data []byte) error {
	if r.room--; r.room < 0 {
		return io.ErrClosedPipe
	}
	if len(data) > 40 {
		r.lines = append(r.lines, fmt.Sprintf("write %d bytes", len(data)))
	} else {
		r.lines = append(r.lines, "write "+string(data))
	}
	return nil
}

func (r *recorded) finish(trailers []wasi.Field) error {
	r.lines = append(r.lines, fmt.Sprint("finish ", trailers))
	return nil
}

func (r *recorded) drop() {
	r.lines = append(r.lines, "drop")
}

func responseTo(method string, to *recorded) *response {
	return &response{
		request: &http.Request{Method: method}, header: http.Header{}, cancel: func() {},
		begin: func(status int, fields []wasi.Field) (stream, error) {
			to.lines = append(to.lines, fmt.Sprint("begin ", status, " ", fields))
			return to, nil
		},
	}
}

const text = "{Content-Type text/plain; charset=utf-8}"

func TestAResponseIsSentAsTheHandlerWritesIt(t *testing.T) {
	large := strings.Repeat("x", 5000)
	for name, c := range map[string]struct {
		method string
		handle func(w http.ResponseWriter)
		want   []string
	}{
		"nothing": {"GET", func(http.ResponseWriter) {}, []string{"begin 200 [{Content-Length 0}]", "finish []"}},
		"a short one with its length": {"GET", func(w http.ResponseWriter) { io.WriteString(w, "abc"); io.WriteString(w, "def") },
			[]string{"begin 200 [{Content-Length 6} " + text + "]", "write abcdef", "finish []"}},
		"a long one without": {"GET", func(w http.ResponseWriter) { io.WriteString(w, "abc"); io.WriteString(w, large) },
			[]string{"begin 200 [" + text + "]", "write abc", "write 5000 bytes", "finish []"}},
		"what was flushed, at once": {"GET", func(w http.ResponseWriter) {
			w.(http.Flusher).Flush()
			io.WriteString(w, "abc")
			w.(http.Flusher).Flush()
			io.WriteString(w, "def")
		}, []string{"begin 200 []", "write abc", "write def", "finish []"}},
		"HEAD has no body, and its length": {"HEAD", func(w http.ResponseWriter) { io.WriteString(w, large) },
			[]string{"begin 200 [" + text + "]", "finish []"}},
		"204 has no body": {"GET", func(w http.ResponseWriter) {
			w.WriteHeader(204)
			if _, err := io.WriteString(w, "abc"); err != http.ErrBodyNotAllowed {
				t.Error(err)
			}
		}, []string{"begin 204 []", "finish []"}},
		"headers as they were with the status": {"GET", func(w http.ResponseWriter) {
			w.Header().Set("A", "1")
			w.WriteHeader(103)
			w.WriteHeader(404)
			w.Header().Set("A", "2")
			w.WriteHeader(500)
		}, []string{"begin 404 [{A 1} {Content-Length 0}]", "finish []"}},
		"trailers": {"GET", func(w http.ResponseWriter) {
			w.Header().Set("Trailer", "Sum, Not-Set")
			io.WriteString(w, "abc")
			w.Header().Set("Sum", "6")
			w.Header().Set(http.TrailerPrefix+"More", "7")
		}, []string{"begin 200 [" + text + " {Trailer Sum, Not-Set}]", "write abc", "finish [{More 7} {Sum 6}]"}},
		"more than its length": {"GET", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "3")
			io.WriteString(w, "abc")
			if _, err := io.WriteString(w, "d"); err != http.ErrContentLength {
				t.Error(err)
			}
		}, []string{"begin 200 [{Content-Length 3} " + text + "]", "write abc", "finish []"}},
		"less than its length": {"GET", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "4")
			io.WriteString(w, "abc")
		}, []string{"begin 200 [{Content-Length 4} " + text + "]", "write abc", "drop"}},
		"no type of packed content": {"GET", func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "abc")
		}, []string{"begin 200 [{Content-Encoding gzip} {Content-Length 3}]", "write abc", "finish []"}},
	} {
		t.Run(name, func(t *testing.T) {
			to := &recorded{room: 100}
			w := responseTo(c.method, to)
			c.handle(w)
			w.finish()
			if !reflect.DeepEqual(to.lines, c.want) {
				t.Errorf("%q\nis not\n%q", to.lines, c.want)
			}
			if _, err := w.Write([]byte("late")); err == nil {
				t.Error("it can be written to after its end")
			}
		})
	}
}

func TestAResponseThatNobodyReceivesEndsTheRequest(t *testing.T) {
	to := &recorded{room: 1}
	w := responseTo("GET", to)
	isCancelled := false
	w.cancel = func() { isCancelled = true }
	io.WriteString(w, strings.Repeat("x", 3000))
	if isCancelled {
		t.Error("it was received")
	}
	if _, err := io.WriteString(w, "more"); err != io.ErrClosedPipe || !isCancelled {
		t.Error(err, isCancelled)
	}
}

func TestAPanicBreaksTheResponseOff(t *testing.T) {
	to := &recorded{room: 100}
	w := responseTo("GET", to)
	io.WriteString(w, "abc")
	w.abort()
	if len(to.lines) != 0 {
		t.Error("nothing was sent before, so nothing is sent now:", to.lines)
	}
	w = responseTo("GET", to)
	w.Flush()
	w.abort()
	if want := []string{"begin 200 []", "drop"}; !reflect.DeepEqual(to.lines, want) {
		t.Error(to.lines)
	}
}

func TestHeadersThatCanNotBeSentAreLeftOut(t *testing.T) {
	header := http.Header{
		"A": {"1\r\nB: 2", "\tx "}, "Bad Name": {"1"}, "Connection": {"close"}, "Control": {"\x00", "fine"}, "": {"1"},
	}
	want := []wasi.Field{{Name: "A", Value: "1  B: 2"}, {Name: "A", Value: "x"}, {Name: "Control", Value: "fine"}}
	if fields := fieldsOf(header); !reflect.DeepEqual(fields, want) {
		t.Error(fields)
	}
}

func TestAHeadThatTheHostRefusesIsTheWritersError(t *testing.T) {
	w := responseTo("GET", &recorded{})
	refused := errors.New("refused")
	w.begin = func(int, []wasi.Field) (stream, error) { return nil, refused }
	if err := w.FlushError(); err != refused {
		t.Error(err)
	}
	w.finish()
}
