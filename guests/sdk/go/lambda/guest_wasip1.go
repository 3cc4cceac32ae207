package lambda

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe" // also for go:linkname

	"guesthouse.dev/go/internal/arena"
)

// What a module of Go exports for the contract, under the names that the component model's tools expect.

var (
	handler   *reflected
	preparing bool
	started   = make(chan *reflected)
	// The host has read it before the next call can begin.
	result wireResult
)

// initialise is lifecycle.init: a module of the mode c-shared comes with its packages initialised and main not run.
//
//go:wasmexport guesthouse:lambda/lifecycle@0.1.0#init
func initialise() *wireResult {
	preparing = true
	arena.KeepForGood()
	prepared, failed := prepare(mainMain, started)
	if failed != nil {
		return fail(failed)
	}
	handler = prepared
	result = wireResult{}
	return &result
}

// mainMain is the handler's own main. Its declaration without a body is why there is main_wasip1.s.
//
//go:linkname mainMain main.main
func mainMain()

// start hands the handler to initialise, and keeps main where it is: nothing that it deferred may run before the events
// come.
func start(r *reflected) {
	if !preparing {
		fmt.Fprintln(os.Stderr, "this module is a command and not a handler: build it with `-buildmode=c-shared`")
		os.Exit(2)
	}
	started <- r
	select {}
}

// handle is handler.handle.
//
//go:wasmexport guesthouse:lambda/handler@0.1.0#handle
func handle(call *wireCall) *wireResult {
	release()
	defer arena.TakeBack()
	if call.event.length > largeEvent {
		// Or what the last one left would be there beside what this one needs. The instance's memory is capped, and the
		// collector does not know it.
		runtime.GC()
	}
	if handler == nil {
		return fail(&failure{Type: "NoHandler", Message: "the guest was not initialised: `lifecycle.init` comes first"})
	}
	response, failed := handler.response(call.event.bytes(), call.invocation())
	if failed != nil {
		return fail(failed)
	}
	result = wireResult{response: keep(unsafe.Pointer(unsafe.SliceData(response)), len(response))}
	return &result
}

const largeEvent = 1 << 20

func fail(failed *failure) *wireResult {
	trace := make([]wireText, len(failed.Trace))
	for i, frame := range failed.Trace {
		trace[i] = keepText(frame)
	}
	result = wireResult{
		isError:  1,
		response: keepText(failed.Type),
		message:  keepText(failed.Message),
		trace:    keep(unsafe.Pointer(unsafe.SliceData(trace)), len(trace)),
	}
	return &result
}

// keepText is keep for text from anywhere: an error's message may have any bytes, and the boundary takes UTF-8 only.
func keepText(text string) wireText {
	text = strings.ToValidUTF8(text, "\uFFFD")
	return keep(unsafe.Pointer(unsafe.StringData(text)), len(text))
}
