package lambda

import "unsafe"

// Where the host writes the arguments of a call, and what of Go's it reads the result from.

// lend is how the component model asks a guest for memory. Nothing of Go's runtime may have a part in it, which is why
// what it gives is of an array:
//
//   - While the host writes arguments a guest may not call out, or it traps. Memory of the heap may start a collection,
//     which asks WASI for the time.
//   - The adapter, which makes WASI 0.2 of the WASI 0.1 that Go speaks, asks for a stack and for its state at the first
//     call of WASI. That one comes from the start of the runtime, when there is no heap. (Were there no lend to ask,
//     the adapter would grow the memory, of which Go's runtime believes that it alone does.)
//
//go:wasmexport cabi_realloc
//go:nosplit
func lend(old unsafe.Pointer, oldSize, align, size uint32) uint32 {
	// 16 is more than the contract's records need, and what the adapter's stack needs.
	start := (uintptr(unsafe.Pointer(&memory)) + lent + 15) &^ 15
	end := start + uintptr(size)
	// Nothing is ever made larger: strings come in the encoding that they have here.
	if old != nil || end > uintptr(unsafe.Pointer(&memory))+unsafe.Sizeof(memory) {
		return nowhere
	}
	lent = end - uintptr(unsafe.Pointer(&memory))
	return uint32(start)
}

const (
	// Lambda's largest event, and room for the context.
	largestCall = 6_291_556 + 64<<10
	// A stack and a state, with their alignment.
	adapterNeeds = 2*(64<<10) + 16
	// Nothing can be written there, so that whoever tries traps.
	nowhere = 0xffff_fff0
)

var (
	// Pages of it that no event was large enough for are never touched, and so cost address space only.
	memory [(largestCall + adapterNeeds) / 8]uint64
	lent   uintptr
	// What is lent at the start is the adapter's for good.
	lentForGood uintptr
)

// takeBack lets the next call's arguments overwrite those of this one.
func takeBack() {
	lent = lentForGood
}

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
