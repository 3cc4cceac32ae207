package lambdahttp

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"guesthouse.dev/go/internal/wasi"
)

// notTheGuests are headers that describe the connection, which is the host's.
var notTheGuests = map[string]bool{
	"Connection": true, "Host": true, "Http2-Settings": true, "Keep-Alive": true, "Proxy-Authenticate": true,
	"Proxy-Authorization": true, "Proxy-Connection": true, "Transfer-Encoding": true, "Upgrade": true,
}

// fieldsOf returns the headers that can be sent, sorted. As net/http does it, line breaks become spaces, and what is no
// header's name is left out.
func fieldsOf(header http.Header) []wasi.Field {
	var fields []wasi.Field
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if !isName(name) || notTheGuests[name] || strings.HasPrefix(name, http.TrailerPrefix) {
			continue
		}
		for _, value := range header[name] {
			value = strings.Trim(newlines.Replace(value), " \t")
			if !strings.ContainsFunc(value, isControl) {
				fields = append(fields, wasi.Field{Name: name, Value: value})
			}
		}
	}
	return fields
}

var newlines = strings.NewReplacer("\n", " ", "\r", " ")

func isControl(letter rune) bool {
	return letter < ' ' && letter != '\t' || letter == 0x7f
}

// isName says whether the text is a token.
func isName(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(letter rune) bool {
		isLetter := 'a' <= letter && letter <= 'z' || 'A' <= letter && letter <= 'Z' || '0' <= letter && letter <= '9'
		return !isLetter && !strings.ContainsRune("!#$%&'*+-.^_`|~", letter)
	})
}
