package lambdahttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"runtime/debug"

	"guesthouse.dev/go/internal/arena"
	"guesthouse.dev/go/internal/guest"
	"guesthouse.dev/go/internal/wasi"
)

var (
	handler   http.Handler
	preparing bool
	started   = make(chan http.Handler)
)

// initialise is lifecycle.init: a module of the mode c-shared comes with its packages initialised and main not run.
//
//go:wasmexport guesthouse:lambda/lifecycle@0.1.0#init
func initialise() *guest.Result {
	guest.Release()
	if failed := prepare(); failed != nil {
		return guest.Fail(failed)
	}
	return guest.Done()
}

func prepare() (failed *guest.Failure) {
	preparing = true
	arena.KeepForGood()
	handler, failed = guest.Prepare(guest.Main, started, "lambdahttp.Start")
	return failed
}

// start hands the handler to prepare.
func start(given http.Handler) {
	guest.Start(started, given, preparing)
}

// handle is incoming-handler.handle.
//
//go:wasmexport wasi:http/incoming-handler@0.2.12#handle
func handle(request, out uint32) {
	guest.Release()
	// A host that knows only wasi:http does not call the hook.
	if handler == nil {
		if failed := prepare(); failed != nil {
			wasi.Outparam(out).Refuse(failed.Type + ": " + failed.Message)
			return
		}
	}
	in := wasi.Take(request)
	defer in.Drop()
	serve(in, wasi.Outparam(out))
}

func serve(in *wasi.IncomingRequest, out wasi.Outparam) {
	taken := head{method: in.Method, scheme: in.Scheme, authority: in.Authority, path: in.Path, fields: in.Fields}
	var incoming *body
	r, cancel, err := taken.request(func(ctx context.Context) io.ReadCloser {
		in.Open()
		incoming = &body{ctx: ctx, from: in, closed: make(chan struct{})}
		return incoming
	})
	if err != nil {
		// As net/http does it. There is no request to give to the handler.
		r, cancel = &http.Request{Method: in.Method}, func() {}
	}
	w := &response{request: r, cancel: cancel, header: http.Header{}}
	isOutUsed := false
	w.begin = func(status int, fields []wasi.Field) (stream, error) {
		isOutUsed = true
		to, err := out.Respond(status, fields)
		if err != nil {
			out.Refuse("net/http: invalid header: " + err.Error())
			return nil, err
		}
		return &outgoing{ctx: r.Context(), to: to}, nil
	}
	if err != nil {
		http.Error(w, "400 Bad Request: "+err.Error(), http.StatusBadRequest)
		w.finish()
		return
	}
	defer incoming.stop()
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		if err, _ := value.(error); !errors.Is(err, http.ErrAbortHandler) {
			log.Printf("http: panic serving %s: %v\n%s", r.RemoteAddr, value, debug.Stack())
		}
		w.abort()
		if !isOutUsed {
			out.Refuse(fmt.Sprint("panic: ", value))
		}
	}()
	handler.ServeHTTP(w, r)
	w.finish()
}

// body is a request's body.
type body struct {
	ctx    context.Context
	from   *wasi.IncomingRequest
	closed chan struct{}
	// err is the end, whatever it is.
	err error
}

func (b *body) Read(into []byte) (int, error) {
	for b.err == nil {
		if len(into) == 0 {
			return 0, nil
		}
		n, err := b.from.Read(into)
		if err != nil {
			b.err = err
		}
		if n > 0 || err != nil {
			return n, err
		}
		if !b.from.Wait(b.ctx.Done(), b.closed) && b.err == nil {
			b.err = context.Cause(b.ctx)
		}
	}
	return 0, b.err
}

func (b *body) Close() error {
	b.stop()
	return nil
}

// stop lets what reads end: what is there no longer can't be read.
func (b *body) stop() {
	if b == nil || b.err == http.ErrBodyReadAfterClose {
		return
	}
	b.err = http.ErrBodyReadAfterClose
	close(b.closed)
}

// outgoing is a response's body.
type outgoing struct {
	ctx context.Context
	to  *wasi.Upload
}

func (o *outgoing) write(data []byte) error {
	for len(data) > 0 {
		n, err := o.to.Write(data)
		if err != nil {
			return err
		}
		if data = data[n:]; n == 0 && !o.to.Wait(o.ctx.Done()) {
			return context.Cause(o.ctx)
		}
	}
	return nil
}

func (o *outgoing) finish(trailers []wasi.Field) error {
	return o.to.Finish(trailers)
}

func (o *outgoing) drop() {
	o.to.Drop()
}
