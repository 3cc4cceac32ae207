package network

import (
	"runtime"
	"sync/atomic"

	"guesthouse.dev/go/internal/wasi"
)

// A body that nobody closes keeps a connection, of which the host gives an instance 64. From so many on, those that
// nobody has any more are looked for.
const many = 48

// held is how many responses the host holds for bodies, and lookedAt how many there were when it was looked last.
var held, lookedAt atomic.Int64

// holding is a response that the host holds for a body.
type holding struct {
	from    *wasi.Response
	dropped bool
}

func hold(from *wasi.Response) *holding {
	held.Add(1)
	return &holding{from: from}
}

func (h *holding) drop() {
	if !h.dropped {
		h.dropped = true
		held.Add(-1)
		h.from.Drop()
	}
}

// makeRoom collects bodies that nobody has any more, where there are many. What it does not find is in use, so it looks
// again only when there are more.
func makeRoom() {
	if now := held.Load(); now < many || now < lookedAt.Load()+many/4 {
		if now < many {
			lookedAt.Store(0)
		}
		return
	}
	runtime.GC()
	// The collected ones are dropped by another goroutine.
	runtime.Gosched()
	lookedAt.Store(held.Load())
}
