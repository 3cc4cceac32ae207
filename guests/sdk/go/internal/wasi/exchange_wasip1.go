package wasi

import (
	"errors"
	"unsafe"

	"guesthouse.dev/go/internal/arena"
)

// Exchange is a request that was sent, and whose response was not taken.
type Exchange struct {
	// Upload is nil if the request has no body.
	Upload *Upload
	future uint32
}

// Wait waits for the response. It is false if it was cancelled.
func (x *Exchange) Wait(cancel ...<-chan struct{}) bool {
	return wait(futureResponseSubscribe(x.future), cancel...)
}

// Response takes the response after a [Exchange.Wait] that was true.
func (x *Exchange) Response() (*Response, error) {
	mark := arena.Mark()
	futureResponseGet(x.future, unsafe.Pointer(&result))
	if result.u8(0) == 0 || result.u8(8) != 0 {
		return nil, errNoResponse
	}
	if result.u8(16) != 0 {
		return nil, failureAt(24, mark)
	}
	response := result.u32(24)
	r := &Response{Status: int(responseStatus(response)), response: response}
	r.Fields = entries(responseHeaders(response))
	responseConsume(response, unsafe.Pointer(&result))
	r.body = result.u32(4)
	bodyStream(r.body, unsafe.Pointer(&result))
	r.Input, r.hasInput = Input(result.u32(4)), true
	return r, nil
}

var errNoResponse = errors.New("the host has no response")

// Drop ends the request, if its response was not taken.
func (x *Exchange) Drop() {
	dropFutureResponse(x.future)
}

// Upload is a request's body.
type Upload struct {
	Output
	body uint32
}

// Write is [Output.Write], with errors of wasi:http.
func (u *Upload) Write(data []byte) (int, error) {
	return u.Output.Write(data, explain)
}

// Finish ends the body.
func (u *Upload) Finish(trailers []Field) error {
	dropOutput(uint32(u.Output))
	there, fields := uint32(0), uint32(0)
	if len(trailers) > 0 {
		var err error
		if fields, err = newFields(trailers); err != nil {
			dropOutgoingBody(u.body)
			return err
		}
		there = 1
	}
	mark := arena.Mark()
	outgoingBodyFinish(u.body, there, fields, unsafe.Pointer(&result))
	if result.u8(0) != 0 {
		return failureAt(8, mark)
	}
	return nil
}

// Drop breaks the body off, and with it the request.
func (u *Upload) Drop() {
	dropOutput(uint32(u.Output))
	dropOutgoingBody(u.body)
}

// Response is a response whose body was not read.
type Response struct {
	Status int
	Fields []Field
	Input
	response, body uint32
	hasInput       bool
}

// Read is [Input.Read], with errors of wasi:http.
func (r *Response) Read(into []byte) (int, error) {
	return r.Input.Read(into, explain)
}

// Trailers returns what follows the body after its end. There are none if it was cancelled.
func (r *Response) Trailers(cancel ...<-chan struct{}) ([]Field, error) {
	r.dropInput()
	future := bodyFinish(r.body)
	r.body = 0
	defer dropFutureTrailers(future)
	if !wait(futureTrailersSubscribe(future), cancel...) {
		return nil, nil
	}
	mark := arena.Mark()
	futureTrailersGet(future, unsafe.Pointer(&result))
	switch {
	case result.u8(0) == 0 || result.u8(8) != 0:
		return nil, errNoResponse
	case result.u8(16) != 0:
		return nil, failureAt(24, mark)
	case result.u8(24) == 0:
		return nil, nil
	}
	return entries(result.u32(28)), nil
}

// Drop ends the response, also where there is more of it.
func (r *Response) Drop() {
	r.dropInput()
	if r.body != 0 {
		dropIncomingBody(r.body)
		r.body = 0
	}
	if r.response != 0 {
		dropIncomingResponse(r.response)
		r.response = 0
	}
}

func (r *Response) dropInput() {
	if r.hasInput {
		r.Input.Drop()
		r.hasInput = false
	}
}

// explain makes an error of wasi:http of a stream's.
func explain(handle uint32) error {
	mark := arena.Mark()
	httpErrorCode(handle, unsafe.Pointer(&result))
	if result.u8(0) == 0 {
		return nil
	}
	return failureAt(8, mark)
}
