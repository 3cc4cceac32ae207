package arena

import "unsafe"

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
	// What one call to the host may return: a response's headers are the largest.
	largestResult = 128 << 10
	// Nothing can be written there, so that whoever tries traps.
	nowhere = 0xffff_fff0
)

var (
	// Pages of it that no event was large enough for are never touched, and so cost address space only.
	memory [(largestCall + adapterNeeds + largestResult) / 8]uint64
	lent   uintptr
	// What is lent at the start is the adapter's for good.
	lentForGood uintptr
)

// KeepForGood never lets what is lent by now be overwritten.
func KeepForGood() {
	lentForGood = lent
}

// TakeBack lets the next call's arguments overwrite those of this one.
func TakeBack() {
	lent = lentForGood
}

// Mark returns what [Reset] takes.
func Mark() uintptr {
	return lent
}

// Reset takes back what the host has asked for since mark. Between Mark and Reset the goroutine may not allocate, nor
// do anything else that lets another goroutine run.
func Reset(mark uintptr) {
	lent = mark
}

// Since returns what the host has written since mark.
func Since(mark uintptr) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(&memory), mark)), lent-mark)
}
