// Package lambda runs a Go function as a Guesthouse guest. It takes the place of github.com/aws/aws-lambda-go/lambda:
// `guesthouse build` puts it there for a function that imports AWS's. The packages events and lambdacontext stay AWS's
// own.
//
//	package main
//
//	import (
//		"context"
//		"fmt"
//
//		"guesthouse.dev/go/lambda"
//	)
//
//	type Order struct {
//		Amount int `json:"amount"`
//	}
//
//	func handle(ctx context.Context, order *Order) (string, error) {
//		return fmt.Sprintf("charged %d", order.Amount), nil
//	}
//
//	func main() {
//		lambda.Start(handle)
//	}
//
// Build it with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o order.wasm .
//
// Package variables keep their values between the invocations of an instance, and no two invocations use one instance
// at the same time. /tmp is shared by all instances of an environment. What is printed becomes log lines.
//
// A handler may start goroutines, sleep and use timers. An instance stands still between invocations: what a goroutine
// has not done when the handler returns, it goes on with while a later invocation waits for something, or never.
package lambda

import "context"

// Start makes handler the guest's handler. Like AWS's it is called at the end of main and does not return, so what main
// deferred never runs. main itself runs once for each instance, before its first event.
//
// The handler is a [Handler], or a function of one of these types:
//
//	func ()
//	func (TIn)
//	func () error
//	func (TIn) error
//	func () (TOut, error)
//	func (TIn) (TOut, error)
//	func (context.Context)
//	func (context.Context) error
//	func (context.Context) (TOut, error)
//	func (context.Context, TIn)
//	func (context.Context, TIn) error
//	func (context.Context, TIn) (TOut, error)
//
// TIn and TOut are types that encoding/json reads and writes. An event that is not JSON, or not of the type TIn, fails
// with an error of type InvalidEvent, and the handler is not called. A TOut that is an [io.Reader] and has nothing that
// JSON could say is the response as it is: bytes that are streamed in a guest that imports package streaming, and
// otherwise a text.
//
// An error becomes the caller's errorType (the error's type without package and pointer) and errorMessage. So does a
// panic, with a stack trace, and the instance stays in use. A handler of any other type fails the start of the
// instance.
func Start(handler any) {
	StartWithOptions(handler)
}

// StartWithOptions is [Start] with options.
func StartWithOptions(handler any, options ...Option) {
	start(newHandler(handler, options...))
}

// StartHandlerFunc is [StartWithOptions] for the fullest type of function, which the compiler checks.
func StartHandlerFunc[TIn any, TOut any, H HandlerFunc[TIn, TOut]](handler H, options ...Option) {
	StartWithOptions(handler, options...)
}

// HandlerFunc is what [StartHandlerFunc] takes.
type HandlerFunc[TIn, TOut any] interface {
	func(context.Context, TIn) (TOut, error)
}

// StartHandler is [Start] for a [Handler].
//
// Deprecated: use [Start].
func StartHandler(handler Handler) {
	StartWithOptions(handler)
}

// StartWithContext is [Start] with the context that those of all invocations are made of.
//
// Deprecated: use [StartWithOptions] and [WithContext].
func StartWithContext(ctx context.Context, handler any) {
	StartWithOptions(handler, WithContext(ctx))
}

// StartHandlerWithContext is [StartHandler] with the context that those of all invocations are made of.
//
// Deprecated: use [StartWithOptions] and [WithContext].
func StartHandlerWithContext(ctx context.Context, handler Handler) {
	StartWithOptions(handler, WithContext(ctx))
}
