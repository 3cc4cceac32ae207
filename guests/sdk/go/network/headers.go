package network

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"guesthouse.dev/go/internal/headers"
	"guesthouse.dev/go/internal/wasi"
)

// hostsOwn are headers that the host writes, or that net/http takes from other fields of the request.
var hostsOwn = map[string]bool{
	"Connection": true, "Content-Length": true, "Host": true, "Http2-Settings": true, "Keep-Alive": true,
	"Proxy-Authenticate": true, "Proxy-Authorization": true, "Proxy-Connection": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true,
}

const userAgent = "Go-http-client/1.1"

// requestHeaders returns the headers that net/http would send. A negative length is an unknown one. gzip says whether
// to ask for a packed response.
func requestHeaders(r *http.Request, length int64, gzip bool) []wasi.Field {
	headers := make([]wasi.Field, 0, len(r.Header)+4)
	for name, values := range r.Header {
		if hostsOwn[textproto.CanonicalMIMEHeaderKey(name)] || name == "User-Agent" {
			continue
		}
		for _, value := range values {
			headers = append(headers, wasi.Field{Name: name, Value: value})
		}
	}
	agent, isSet := r.Header["User-Agent"]
	switch {
	case !isSet:
		headers = append(headers, wasi.Field{Name: "User-Agent", Value: userAgent})
	case len(agent) > 0 && agent[0] != "":
		headers = append(headers, wasi.Field{Name: "User-Agent", Value: agent[0]})
	}
	if gzip {
		headers = append(headers, wasi.Field{Name: "Accept-Encoding", Value: "gzip"})
	}
	if sendsLength(r.Method, length) {
		headers = append(headers, wasi.Field{Name: "Content-Length", Value: strconv.FormatInt(length, 10)})
	}
	if names := trailerNames(r.Trailer); length < 0 && names != "" {
		headers = append(headers, wasi.Field{Name: "Trailer", Value: names})
	}
	return headers
}

// sendsLength says whether the length is a header. Without a body it is one for the methods that usually have a body.
func sendsLength(method string, length int64) bool {
	return length > 0 || length == 0 && (method == "POST" || method == "PUT" || method == "PATCH")
}

// usuallyLacksBody says whether servers are surprised by a body, even an empty one.
func usuallyLacksBody(method string) bool {
	switch method {
	case "", "GET", "HEAD", "DELETE", "OPTIONS", "PROPFIND", "SEARCH":
		return true
	}
	return false
}

func trailerNames(trailer http.Header) string {
	names := make([]string, 0, len(trailer))
	for name := range trailer {
		names = append(names, http.CanonicalHeaderKey(name))
	}
	return strings.Join(names, ", ")
}

// asksForGzip says whether the response may come packed, without the caller seeing it.
func asksForGzip(r *http.Request, disabled bool) bool {
	return !disabled && r.Header.Get("Accept-Encoding") == "" && r.Header.Get("Range") == "" && r.Method != "HEAD"
}

// responseHeader returns the headers of a response, and those that its trailer is going to have.
func responseHeader(fields []wasi.Field) (header, trailer http.Header) {
	header = make(http.Header, len(fields))
	values := make([]string, len(fields))
	for i, field := range fields {
		name := textproto.CanonicalMIMEHeaderKey(field.Name)
		if before, ok := header[name]; ok {
			header[name] = append(before, field.Value)
			continue
		}
		// Its capacity is its length, so that a further value does not overwrite the next header's.
		values[i] = field.Value
		header[name] = values[i : i+1 : i+1]
	}
	for _, names := range header["Trailer"] {
		for name := range strings.SplitSeq(names, ",") {
			name = textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name))
			if trailer == nil {
				trailer = http.Header{}
			}
			trailer[name] = nil
		}
	}
	delete(header, "Trailer")
	return header, trailer
}

// responseLength returns the length of a response's body, -1 if it is unknown.
func responseLength(method string, status int, header http.Header) (int64, error) {
	if status == http.StatusNoContent || status == http.StatusNotModified && method != "HEAD" {
		return 0, nil
	}
	return headers.ContentLength(header)
}

// hasBody says whether the status and the request's method leave a place for a body.
func hasBody(method string, status int) bool {
	return method != "HEAD" && status != http.StatusNoContent && status != http.StatusNotModified
}

// sameHost says whether the host that a request names is the one that it goes to.
func sameHost(r *http.Request) bool {
	return r.Host == "" || withoutPort(r.Host, r.URL.Scheme) == withoutPort(r.URL.Host, r.URL.Scheme)
}

// withoutPort takes the scheme's own port off a host, and the difference of letters' cases.
func withoutPort(host, scheme string) string {
	own := ":80"
	if scheme == "https" {
		own = ":443"
	}
	return strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(host, own), ":"))
}
