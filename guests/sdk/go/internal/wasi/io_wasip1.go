package wasi

import (
	"errors"
	"io"
	"unsafe"

	"guesthouse.dev/go/internal/arena"
)

// ErrStream is the end of a stream that is no regular one, if the host has nothing more to say.
var ErrStream = errors.New("the stream broke")

// Input is an input-stream.
type Input uint32

// Read reads what is there, into all of the memory or a part of it. With nothing there, it returns 0. The end is
// [io.EOF]. explain makes an error of the host's own; it may be nil.
func (i Input) Read(into []byte, explain func(handle uint32) error) (int, error) {
	mark := arena.Mark()
	inputRead(uint32(i), uint64(min(len(into), largestRead)), unsafe.Pointer(&result))
	if result.u8(0) != 0 {
		return 0, streamError(4, io.EOF, explain)
	}
	n := copy(into, result.list(4))
	reset(mark)
	return n, nil
}

// largestRead keeps what is read within the arena.
const largestRead = 64 << 10

// Wait waits until something is there to read. It is false if it was cancelled.
func (i Input) Wait(cancel ...<-chan struct{}) bool {
	return wait(inputSubscribe(uint32(i)), cancel...)
}

// Drop closes the stream.
func (i Input) Drop() {
	dropInput(uint32(i))
}

// Output is an output-stream.
type Output uint32

// Write writes as much as the host takes now. The stream's end is [io.ErrClosedPipe].
func (o Output) Write(data []byte, explain func(handle uint32) error) (int, error) {
	outputCheckWrite(uint32(o), unsafe.Pointer(&result))
	if result.u8(0) != 0 {
		return 0, streamError(8, io.ErrClosedPipe, explain)
	}
	part := data[:min(uint64(len(data)), result.u64(8))]
	if len(part) == 0 {
		return 0, nil
	}
	outputWrite(uint32(o), unsafe.Pointer(unsafe.SliceData(part)), uint32(len(part)), unsafe.Pointer(&result))
	if result.u8(0) != 0 {
		return 0, streamError(4, io.ErrClosedPipe, explain)
	}
	return len(part), nil
}

// Wait waits until the host takes more. It is false if it was cancelled.
func (o Output) Wait(cancel ...<-chan struct{}) bool {
	return wait(outputSubscribe(uint32(o)), cancel...)
}

// HasRoom says whether the host takes more, and so has passed on what it took.
func (o Output) HasRoom() (bool, error) {
	outputCheckWrite(uint32(o), unsafe.Pointer(&result))
	if result.u8(0) != 0 {
		return false, streamError(8, io.ErrClosedPipe, nil)
	}
	return result.u64(8) > 0, nil
}

// Drop closes the stream.
func (o Output) Drop() {
	dropOutput(uint32(o))
}

const lastOperationFailed = 0

// streamError returns the result's stream-error.
func streamError(at uintptr, closed error, explain func(handle uint32) error) error {
	if result.u8(at) != lastOperationFailed {
		return closed
	}
	handle := result.u32(at + 4)
	defer dropError(handle)
	if explain != nil {
		if err := explain(handle); err != nil {
			return err
		}
	}
	return ErrStream
}

//go:wasmimport wasi:io/streams@0.2.0 [method]input-stream.read
//go:noescape
func inputRead(self uint32, length uint64, result unsafe.Pointer)

//go:wasmimport wasi:io/streams@0.2.0 [method]input-stream.subscribe
func inputSubscribe(self uint32) uint32

//go:wasmimport wasi:io/streams@0.2.0 [resource-drop]input-stream
func dropInput(self uint32)

//go:wasmimport wasi:io/streams@0.2.0 [method]output-stream.check-write
//go:noescape
func outputCheckWrite(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:io/streams@0.2.0 [method]output-stream.write
//go:noescape
func outputWrite(self uint32, data unsafe.Pointer, length uint32, result unsafe.Pointer)

//go:wasmimport wasi:io/streams@0.2.0 [method]output-stream.subscribe
func outputSubscribe(self uint32) uint32

//go:wasmimport wasi:io/streams@0.2.0 [resource-drop]output-stream
func dropOutput(self uint32)

//go:wasmimport wasi:io/error@0.2.0 [resource-drop]error
func dropError(self uint32)
