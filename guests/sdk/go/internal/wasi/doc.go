// Package wasi calls the host's interfaces of WASI 0.2 by the component model's canonical ABI, and lets goroutines wait
// for them.
//
// The host writes what a call returns into one place for all calls, and into the arena. All of it is read, and the
// arena reset, before anything is allocated: where memory is allocated the collector may let another goroutine run.
package wasi

// Field is a header or a trailer.
type Field struct{ Name, Value string }
