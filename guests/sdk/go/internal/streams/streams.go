// Package streams has the place where package streaming says how a response is streamed. It is apart from both packages
// so that a guest that does not stream has nothing of it, and imports nothing for it.
package streams

import "io"

// Send sends a response of a media type until its end. It is nil in a guest that does not stream.
var Send func(contentType string, response io.Reader) error
