package wasi

import (
	"structs"
	"unsafe"

	"guesthouse.dev/go/internal/arena"
)

// Result is the memory into which the host writes what a call returns, if it is more than a number. There is one for
// all calls: it is read at once, before another goroutine can run.
type Result [8]uint64

var result Result

func (r *Result) u8(at uintptr) uint8 {
	return *(*uint8)(unsafe.Add(unsafe.Pointer(r), at))
}

func (r *Result) u16(at uintptr) uint16 {
	return *(*uint16)(unsafe.Add(unsafe.Pointer(r), at))
}

func (r *Result) u32(at uintptr) uint32 {
	return *(*uint32)(unsafe.Add(unsafe.Pointer(r), at))
}

func (r *Result) u64(at uintptr) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(r), at))
}

// list returns the memory of a list<u8> or a string. It is the arena's.
func (r *Result) list(at uintptr) []byte {
	return list{address: r.u32(at), length: r.u32(at + 4)}.bytes()
}

// list is a list<u8> or a string, as it is in memory.
type list struct {
	_       structs.HostLayout
	address uint32
	length  uint32
}

// listOf describes the text to the host. The caller keeps it alive.
func listOf(text string) list {
	return list{address: uint32(uintptr(unsafe.Pointer(unsafe.StringData(text)))), length: uint32(len(text))}
}

func (l list) bytes() []byte {
	if l.length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(nil), l.address)), l.length)
}

// reset is [arena.Reset] for the code that has read the result.
func reset(mark uintptr) {
	arena.Reset(mark)
}
