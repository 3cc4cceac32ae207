package wasi

import (
	"runtime"
	"slices"
	"unsafe"

	"guesthouse.dev/go/internal/arena"
)

// A call that waits for the host stops all goroutines and timers. So goroutines that wait are parked, and one other
// goroutine, poll, waits for all of them once nothing else can run.

// waiter is a parked goroutine.
type waiter struct {
	pollable uint32
	ready    chan struct{}
}

var (
	waiters   []*waiter
	isPolling bool
)

// wait parks the goroutine until the pollable is ready, and drops the pollable. It is false if one of cancel was closed
// before.
func wait(pollable uint32, cancel ...<-chan struct{}) bool {
	defer dropPollable(pollable)
	w := &waiter{pollable: pollable, ready: make(chan struct{})}
	waiters = append(waiters, w)
	if !isPolling {
		isPolling = true
		go poll()
	}
	var first, second, third <-chan struct{}
	switch len(cancel) {
	case 3:
		third = cancel[2]
		fallthrough
	case 2:
		second = cancel[1]
		fallthrough
	case 1:
		first = cancel[0]
	}
	select {
	case <-w.ready:
		return true
	case <-first:
	case <-second:
	case <-third:
	}
	waiters = slices.DeleteFunc(waiters, func(other *waiter) bool { return other == w })
	return false
}

// tick is how late a timer of Go's can be while goroutines wait for the host. Go does not tell when its next timer is
// due.
const tick = 2_000_000

var (
	// ticker is a pollable that is ready when a tick is over. It outlives the polls that end earlier.
	ticker    uint32
	hasTicker bool
	pollables []uint32
)

func poll() {
	for {
		// Lets everything else run that can, and timers fire.
		runtime.Gosched()
		if len(waiters) == 0 {
			isPolling = false
			return
		}
		if !hasTicker {
			ticker, hasTicker = subscribeDuration(tick), true
		}
		if cap(pollables) <= len(waiters) {
			// Here another goroutine may run, and from here to wake none may.
			pollables = make([]uint32, 0, 2*len(waiters)+8)
			continue
		}
		pollables = append(pollables[:0], ticker)
		for _, w := range waiters {
			pollables = append(pollables, w.pollable)
		}
		mark := arena.Mark()
		pollList(unsafe.Pointer(unsafe.SliceData(pollables)), uint32(len(pollables)), unsafe.Pointer(&result))
		for i := range result.u32(4) {
			index := *(*uint32)(unsafe.Add(unsafe.Pointer(nil), result.u32(0)+4*i))
			// What is ready is marked, because nothing may be allocated before the reset.
			pollables[index] = isReady
		}
		reset(mark)
		if pollables[0] == isReady {
			dropPollable(ticker)
			hasTicker = false
		}
		wake()
	}
}

// isReady is no handle's number.
const isReady = 0xffff_ffff

// wake unparks the goroutines whose pollables are marked.
func wake() {
	parked := waiters[:0]
	for i, w := range waiters {
		if pollables[i+1] == isReady {
			close(w.ready)
		} else {
			parked = append(parked, w)
		}
	}
	clear(waiters[len(parked):])
	waiters = parked
}

//go:wasmimport wasi:io/poll@0.2.0 poll
//go:noescape
func pollList(list unsafe.Pointer, length uint32, result unsafe.Pointer)

//go:wasmimport wasi:io/poll@0.2.0 [resource-drop]pollable
func dropPollable(self uint32)

//go:wasmimport wasi:clocks/monotonic-clock@0.2.0 subscribe-duration
func subscribeDuration(nanoseconds uint64) uint32
