package network

import (
	"compress/gzip"
	"io"
)

// unpacked reads a packed body. The first read begins to unpack it, and so a response is there before its body.
type unpacked struct {
	packed io.ReadCloser
	reader *gzip.Reader
	failed error
}

func (u *unpacked) Read(into []byte) (int, error) {
	if u.failed == nil && u.reader == nil {
		u.reader, u.failed = gzip.NewReader(u.packed)
	}
	if u.failed != nil {
		return 0, u.failed
	}
	return u.reader.Read(into)
}

func (u *unpacked) Close() error {
	return u.packed.Close()
}
