package lambda

import (
	"reflect"

	"guesthouse.dev/go/internal/guest"
)

// TraceOf calls a function that panics as handlers are called.
//
//go:noinline
func TraceOf(function any) []string {
	return guest.Protect(func() error { reflect.ValueOf(function).Call(nil); return nil }).Trace
}
