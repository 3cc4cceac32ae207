package network

import (
	"net/http"
	"reflect"
	"sort"
	"strings"
	"testing"

	"guesthouse.dev/go/internal/wasi"
)

func sent(r *http.Request, length int64, gzip bool) []string {
	var lines []string
	for _, field := range requestHeaders(r, length, gzip) {
		lines = append(lines, field.Name+": "+field.Value)
	}
	sort.Strings(lines)
	return lines
}

func request(method string, header http.Header) *http.Request {
	r, err := http.NewRequest(method, "https://a.example/", nil)
	if err != nil {
		panic(err)
	}
	r.Header = header
	return r
}

func TestHeadersAreThoseThatNetHTTPSends(t *testing.T) {
	const agent = "User-Agent: Go-http-client/1.1"
	for _, c := range []struct {
		method   string
		header   http.Header
		length   int64
		gzip     bool
		expected []string
	}{
		{"GET", http.Header{}, 0, false, []string{agent}},
		{"GET", http.Header{}, 0, true, []string{"Accept-Encoding: gzip", agent}},
		{"POST", http.Header{}, 0, false, []string{"Content-Length: 0", agent}},
		{"POST", http.Header{}, 7, false, []string{"Content-Length: 7", agent}},
		{"POST", http.Header{}, -1, false, []string{agent}},
		{"DELETE", http.Header{}, 0, false, []string{agent}},
		{"GET", http.Header{"User-Agent": {""}}, 0, false, nil},
		{"GET", http.Header{"User-Agent": {"a", "b"}}, 0, false, []string{"User-Agent: a"}},
		{"GET", http.Header{"X-A": {"1", "2"}, "Host": {"b.example"}, "connection": {"close"}}, 0, false,
			[]string{agent, "X-A: 1", "X-A: 2"}},
	} {
		if lines := sent(request(c.method, c.header), c.length, c.gzip); !reflect.DeepEqual(lines, c.expected) {
			t.Errorf("%s %v: %v", c.method, c.header, lines)
		}
	}
}

func TestTrailersAreNamedBeforeABodyOfUnknownLength(t *testing.T) {
	r := request("POST", http.Header{"User-Agent": {""}})
	r.Trailer = http.Header{"X-Sum": nil}
	if lines := sent(r, -1, false); !reflect.DeepEqual(lines, []string{"Trailer: X-Sum"}) {
		t.Error(lines)
	}
	if lines := sent(r, 3, false); !reflect.DeepEqual(lines, []string{"Content-Length: 3"}) {
		t.Error(lines)
	}
}

func TestAPackedResponseIsAskedForWhereTheCallerDoesNotCare(t *testing.T) {
	for _, c := range []struct {
		method   string
		header   http.Header
		disabled bool
		expected bool
	}{
		{"GET", http.Header{}, false, true},
		{"GET", http.Header{}, true, false},
		{"HEAD", http.Header{}, false, false},
		{"GET", http.Header{"Accept-Encoding": {"br"}}, false, false},
		{"GET", http.Header{"Range": {"bytes=0-1"}}, false, false},
	} {
		if asks := asksForGzip(request(c.method, c.header), c.disabled); asks != c.expected {
			t.Errorf("%s %v: %v", c.method, c.header, asks)
		}
	}
}

func TestAHostIsTheURLsOrIsRefused(t *testing.T) {
	for host, expected := range map[string]bool{
		"": true, "a.example": true, "A.EXAMPLE:443": true, "a.example:80": false, "b.example": false,
	} {
		r := request("GET", http.Header{})
		r.Host = host
		if is := sameHost(r); is != expected {
			t.Errorf("%q: %v", host, is)
		}
	}
}

func TestHeadersOfAResponseKeepTheirOrder(t *testing.T) {
	header, trailer := responseHeader([]wasi.Field{
		{Name: "set-cookie", Value: "a"}, {Name: "x-a", Value: "1"}, {Name: "Set-Cookie", Value: "b"},
		{Name: "trailer", Value: "x-sum, x-other"},
	})
	expected := http.Header{"Set-Cookie": {"a", "b"}, "X-A": {"1"}}
	if !reflect.DeepEqual(header, expected) || !reflect.DeepEqual(trailer, http.Header{"X-Sum": nil, "X-Other": nil}) {
		t.Error(header, trailer)
	}
}

func TestALengthIsANumberOrThereIsNone(t *testing.T) {
	for text, expected := range map[string]int64{"0": 0, " 12 ": 12, "": -1, "9223372036854775807": 1<<63 - 1} {
		length, err := responseLength("GET", 200, http.Header{"Content-Length": {text}})
		if err != nil || length != expected {
			t.Errorf("%q: %d, %v", text, length, err)
		}
	}
	for _, text := range []string{"-1", "1x", "9223372036854775808", "+1"} {
		if _, err := responseLength("GET", 200, http.Header{"Content-Length": {text}}); err == nil ||
			!strings.Contains(err.Error(), "Content-Length") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, status := range []int{204, 304} {
		if length, _ := responseLength("GET", status, http.Header{"Content-Length": {"5"}}); length != 0 {
			t.Errorf("%d: %d", status, length)
		}
	}
}
