package guest

import (
	"strings"
	"unsafe"
)

// kept is what the host has yet to read of the last result: it knows addresses, which the collector does not see. The
// collector moves nothing of the heap.
var kept []unsafe.Pointer

// The host has read it before the next call can begin.
var result Result

// Release is for the beginning of the next call. (The component model has a hook for when the host has read the result,
// but a guest may not call out there either.)
func Release() {
	clear(kept)
	kept = kept[:0]
}

// Done is the result of a hook that went well.
func Done() *Result {
	result = Result{}
	return &result
}

// Respond is the result of a handler that did.
func Respond(response []byte) *Result {
	result = Result{Response: keep(unsafe.Pointer(unsafe.SliceData(response)), len(response))}
	return &result
}

// Fail is the result of a call that failed.
func Fail(failed *Failure) *Result {
	trace := make([]Text, len(failed.Trace))
	for i, frame := range failed.Trace {
		trace[i] = keepText(frame)
	}
	result = Result{
		IsError:  1,
		Response: keepText(failed.Type),
		Message:  keepText(failed.Message),
		Trace:    keep(unsafe.Pointer(unsafe.SliceData(trace)), len(trace)),
	}
	return &result
}

// keepText is keep for text from anywhere: an error's message may have any bytes, and the boundary takes UTF-8 only.
func keepText(text string) Text {
	text = strings.ToValidUTF8(text, "\uFFFD")
	return keep(unsafe.Pointer(unsafe.StringData(text)), len(text))
}

func keep(address unsafe.Pointer, length int) Text {
	kept = append(kept, address)
	return Text{address: uint32(uintptr(address)), length: uint32(length)}
}
