// Package headers reads headers of requests and of responses.
package headers

import (
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
)

// ContentLength returns the length of a body as its header says, -1 if the header does not say.
func ContentLength(header http.Header) (int64, error) {
	text := header.Get("Content-Length")
	if text == "" {
		return -1, nil
	}
	length, err := strconv.ParseUint(textproto.TrimString(text), 10, 63)
	if err != nil {
		return 0, fmt.Errorf("bad Content-Length %q", text)
	}
	return int64(length), nil
}
