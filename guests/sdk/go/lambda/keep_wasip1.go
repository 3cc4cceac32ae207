package lambda

import "unsafe"

// kept is what the host has yet to read of the last result: it knows addresses, which the collector does not see. The
// collector moves nothing of the heap.
var kept []unsafe.Pointer

func keep(address unsafe.Pointer, length int) wireText {
	kept = append(kept, address)
	return wireText{address: uint32(uintptr(address)), length: uint32(length)}
}

// release is for the beginning of the next call. (The component model has a hook for when the host has read the result,
// but a guest may not call out there either.)
func release() {
	clear(kept)
	kept = kept[:0]
}
