package wasi

import (
	"runtime"
	"unsafe"

	"guesthouse.dev/go/internal/arena"
)

// IncomingRequest is a request to the guest.
type IncomingRequest struct {
	Method string
	// Scheme, Authority and Path are empty if there is none.
	Scheme    string
	Authority string
	Path      string
	Fields    []Field
	// Input is the body, once it is open.
	Input
	request, body uint32
	isOpen        bool
}

// Take reads an incoming-request, all but its body.
func Take(request uint32) *IncomingRequest {
	r := &IncomingRequest{request: request}
	requestMethod(request, unsafe.Pointer(&result))
	if which := result.u8(0); which < otherMethod {
		r.Method = methodNames[which]
	} else {
		r.Method = text(requestMethod, request, 4)
	}
	requestScheme(request, unsafe.Pointer(&result))
	switch there, which := result.u8(0), result.u8(4); {
	case there == 0:
	case which == 0:
		r.Scheme = "http"
	case which == 1:
		r.Scheme = "https"
	}
	r.Path = text(requestPath, request, 4)
	r.Authority = text(requestAuthority, request, 4)
	r.Fields = entries(requestFields(request))
	return r
}

// Open opens the body, once.
func (r *IncomingRequest) Open() {
	requestConsume(r.request, unsafe.Pointer(&result))
	r.body = result.u32(4)
	bodyStream(r.body, unsafe.Pointer(&result))
	r.Input = Input(result.u32(4))
	r.isOpen = true
}

const otherMethod = 9

var methodNames = [otherMethod]string{
	"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
}

// text returns the text that a call writes there, which is empty if there is none: the byte before says so.
func text(call func(self uint32, result unsafe.Pointer), self uint32, at uintptr) string {
	memory := make([]byte, usualText)
	for {
		mark := arena.Mark()
		call(self, unsafe.Pointer(&result))
		if result.u8(0) == 0 {
			return ""
		}
		written := result.list(at)
		length := len(written)
		copy(memory, written)
		reset(mark)
		if length <= len(memory) {
			return string(memory[:length])
		}
		memory = make([]byte, length)
	}
}

const usualText = 256

// Read is [Input.Read], with errors of wasi:http.
func (r *IncomingRequest) Read(into []byte) (int, error) {
	return r.Input.Read(into, explain)
}

// Drop ends the request, also where there is more of it.
func (r *IncomingRequest) Drop() {
	if r.isOpen {
		r.Input.Drop()
		dropIncomingBody(r.body)
	}
	dropIncomingRequest(r.request)
}

// Outparam is the place for a response.
type Outparam uint32

// Respond begins the response. The error is [ErrField], and the place is free still.
func (o Outparam) Respond(status int, given []Field) (*Upload, error) {
	fields, err := newFields(given)
	if err != nil {
		return nil, err
	}
	response := newOutgoingResponse(fields)
	const initial = 200
	if status != initial && setStatus(response, uint32(status)) != 0 {
		dropOutgoingResponse(response)
		return nil, ErrField
	}
	outgoingResponseBody(response, unsafe.Pointer(&result))
	body := result.u32(4)
	outgoingBodyWrite(body, unsafe.Pointer(&result))
	output := Output(result.u32(4))
	setResponse(uint32(o), 0, response, 0, 0, 0, 0, 0, 0)
	return &Upload{Output: output, body: body}, nil
}

// Refuse says that there is no response, and why.
func (o Outparam) Refuse(reason string) {
	address := uint64(uintptr(unsafe.Pointer(unsafe.StringData(reason))))
	setResponse(uint32(o), 1, codeInternalError, 1, address, uint32(len(reason)), 0, 0, 0)
	runtime.KeepAlive(reason)
}
