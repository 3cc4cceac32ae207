package sockets

import (
	"sync"
	"time"
)

// deadline closes a channel at a time that can be changed, also while somebody waits for the channel.
type deadline struct {
	mutex *sync.Mutex
	timer *time.Timer
	over  chan struct{}
	// changes says which of the timers is the last one: one that was late to be stopped does nothing.
	changes int
}

func newDeadline() deadline {
	return deadline{mutex: &sync.Mutex{}, over: make(chan struct{})}
}

// passed returns the channel.
func (d *deadline) passed() <-chan struct{} {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.over
}

// set changes the time. The zero time never comes.
func (d *deadline) set(t time.Time) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	select {
	case <-d.over:
		d.over = make(chan struct{})
	default:
	}
	d.changes++
	if t.IsZero() {
		return
	}
	change := d.changes
	if rest := time.Until(t); rest > 0 {
		d.timer = time.AfterFunc(rest, func() { d.end(change) })
	} else {
		close(d.over)
	}
}

// end closes the channel, if the time is still that of this change.
func (d *deadline) end(change int) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.changes == change {
		close(d.over)
	}
}
