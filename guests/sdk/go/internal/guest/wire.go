// Package guest has what all guests have in common: how main hands over its handler, how a panic becomes an error, and
// what the host gets of both.
package guest

import (
	"structs"
	"unsafe"
)

// The contract's records as the component model lays them out in a guest's memory: every field at the next multiple of
// its own size, a text or a list as address and length, an option as a byte that says whether it is there, and then the
// value. Go's own layout of these structs is the same one. Addresses are numbers, so the collector does not follow
// them: whoever makes or takes such a record keeps the memory alive (keep_wasip1.go).

// Text is a string, or a list<u8>.
type Text struct {
	_       structs.HostLayout
	address uint32
	length  uint32
}

// List is a list<string>.
type List = Text

// Result is a result<string, handler-error>, and a result<_, handler-error>. The response is where the error's type
// is.
type Result struct {
	_        structs.HostLayout
	IsError  uint8
	Response Text
	Message  Text
	Trace    List
}

func (t Text) String() string {
	return string(t.Bytes())
}

// Len is the length in bytes.
func (t Text) Len() int {
	return int(t.length)
}

// Bytes is the memory that the host wrote. The next call's arguments overwrite it.
func (t Text) Bytes() []byte {
	if t.length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(pointer(t.address)), t.length)
}

// pointer is the address as one that the collector follows.
func pointer(address uint32) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(nil), address)
}
