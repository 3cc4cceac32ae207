package lambda

import "reflect"

// TraceOf calls a function that panics as handlers are called.
//
//go:noinline
func TraceOf(function any) []string {
	return protect(func() error { reflect.ValueOf(function).Call(nil); return nil }).Trace
}
