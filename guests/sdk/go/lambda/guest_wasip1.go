package lambda

import (
	"runtime"

	"guesthouse.dev/go/internal/arena"
	"guesthouse.dev/go/internal/guest"
)

// What a module of Go exports for the contract, under the names that the component model's tools expect.

var (
	handler   *reflected
	preparing bool
	started   = make(chan *reflected)
)

// initialise is lifecycle.init: a module of the mode c-shared comes with its packages initialised and main not run.
//
//go:wasmexport guesthouse:lambda/lifecycle@0.1.0#init
func initialise() *wireResult {
	preparing = true
	arena.KeepForGood()
	prepared, failed := prepare(guest.Main, started)
	if failed != nil {
		return guest.Fail(failed)
	}
	handler = prepared
	return guest.Done()
}

// start hands the handler to initialise.
func start(r *reflected) {
	guest.Start(started, r, preparing)
}

// handle is handler.handle.
//
//go:wasmexport guesthouse:lambda/handler@0.1.0#handle
func handle(call *wireCall) *wireResult {
	guest.Release()
	defer arena.TakeBack()
	if call.event.Len() > largeEvent {
		// Or what the last one left would be there beside what this one needs. The instance's memory is capped, and the
		// collector does not know it.
		runtime.GC()
	}
	if handler == nil {
		return guest.Fail(&failure{
			Type: "NoHandler", Message: "the guest was not initialised: `lifecycle.init` comes first",
		})
	}
	response, failed := handler.response(call.event.Bytes(), call.invocation())
	if failed != nil {
		return guest.Fail(failed)
	}
	return guest.Respond(response)
}

const largeEvent = 1 << 20
