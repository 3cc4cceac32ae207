package wasi

import "unsafe"

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-request.method
//go:noescape
func requestMethod(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-request.path-with-query
//go:noescape
func requestPath(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-request.scheme
//go:noescape
func requestScheme(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-request.authority
//go:noescape
func requestAuthority(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-request.headers
func requestFields(self uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-request.consume
//go:noescape
func requestConsume(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [resource-drop]incoming-request
func dropIncomingRequest(self uint32)

//go:wasmimport wasi:http/types@0.2.0 [constructor]outgoing-response
func newOutgoingResponse(headers uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-response.set-status-code
func setStatus(self uint32, status uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-response.body
//go:noescape
func outgoingResponseBody(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [resource-drop]outgoing-response
func dropOutgoingResponse(self uint32)

// The numbers after isError are the response's handle, or an error-code with all that one can come with.
//
//go:wasmimport wasi:http/types@0.2.0 [static]response-outparam.set
func setResponse(out, isError, handleOrCode, there uint32, address uint64, length, n0, n1, n2 uint32)
