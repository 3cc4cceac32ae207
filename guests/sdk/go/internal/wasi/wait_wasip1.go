package wasi

import (
	"runtime"
	"slices"
	"unsafe"

	"guesthouse.dev/go/internal/arena"
)

// A call that waits for the host stops all goroutines and timers. So at most one goroutine makes such a call, the
// poller: it waits for what all goroutines wait for, once nothing else can run. The others are parked. The first
// goroutine that has to wait is the poller. When it has what it waits for, a goroutine without another purpose goes on.

// waiter is what a goroutine waits for.
type waiter struct {
	pollable uint32
	isReady  bool
	// ready is closed when the pollable is ready. It is nil for the poller's own.
	ready chan struct{}
}

var (
	waiters   []*waiter
	hasPoller bool
)

// wait waits until the pollable is ready, and drops the pollable. It is false if one of cancel was closed before. There
// are at most three of those.
func wait(pollable uint32, cancel ...<-chan struct{}) bool {
	var channels [3]<-chan struct{}
	copy(channels[:], cancel)
	w := &waiter{pollable: pollable}
	waiters = append(waiters, w)
	if hasPoller {
		w.park(&channels)
	} else {
		w.poll(&channels)
	}
	if !w.isReady {
		waiters = slices.DeleteFunc(waiters, func(other *waiter) bool { return other == w })
	}
	dropPollable(pollable)
	return w.isReady
}

func (w *waiter) park(cancel *[3]<-chan struct{}) {
	w.ready = make(chan struct{})
	select {
	case <-w.ready:
	case <-cancel[0]:
	case <-cancel[1]:
	case <-cancel[2]:
	}
}

func (w *waiter) poll(cancel *[3]<-chan struct{}) {
	hasPoller = true
	isCancelled := false
	for !w.isReady && !isCancelled {
		// Lets everything else run that can, and timers fire.
		runtime.Gosched()
		select {
		case <-cancel[0]:
			isCancelled = true
		case <-cancel[1]:
			isCancelled = true
		case <-cancel[2]:
			isCancelled = true
		default:
			pollOnce()
		}
	}
	if len(waiters) == 0 || len(waiters) == 1 && waiters[0] == w {
		hasPoller = false
	} else {
		go pollForOthers()
	}
}

func pollForOthers() {
	for {
		runtime.Gosched()
		if len(waiters) == 0 {
			hasPoller = false
			return
		}
		pollOnce()
	}
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

// pollOnce waits for the host, for a tick at most, and wakes whose pollables are ready.
func pollOnce() {
	if !hasTicker {
		ticker, hasTicker = subscribeDuration(tick), true
	}
	for cap(pollables) <= len(waiters) {
		// Here another goroutine may run, and from here to wake none may.
		pollables = make([]uint32, 0, 2*len(waiters)+8)
	}
	pollables = append(pollables[:0], ticker)
	for _, w := range waiters {
		pollables = append(pollables, w.pollable)
	}
	mark := arena.Mark()
	pollList(unsafe.Pointer(unsafe.SliceData(pollables)), uint32(len(pollables)), unsafe.Pointer(&result))
	for i := range result.u32(4) {
		index := *(*uint32)(unsafe.Add(unsafe.Pointer(nil), result.u32(0)+4*i))
		if index == 0 {
			hasTicker = false
		} else {
			waiters[index-1].isReady = true
		}
	}
	arena.Reset(mark)
	if !hasTicker {
		dropPollable(ticker)
	}
	wake()
}

// wake unparks the goroutines whose pollables are ready.
func wake() {
	others := waiters[:0]
	for _, w := range waiters {
		switch {
		case !w.isReady:
			others = append(others, w)
		case w.ready != nil:
			close(w.ready)
		}
	}
	clear(waiters[len(others):])
	waiters = others
}

//go:wasmimport wasi:io/poll@0.2.0 poll
//go:noescape
func pollList(list unsafe.Pointer, length uint32, result unsafe.Pointer)

//go:wasmimport wasi:io/poll@0.2.0 [resource-drop]pollable
func dropPollable(self uint32)

//go:wasmimport wasi:clocks/monotonic-clock@0.2.0 subscribe-duration
func subscribeDuration(nanoseconds uint64) uint32
