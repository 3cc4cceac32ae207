package wasi

import "unsafe"

// The names have the oldest version of WASI 0.2, which every host of it links.

//go:wasmimport wasi:http/types@0.2.0 [static]fields.from-list
//go:noescape
func fieldsFromList(entries unsafe.Pointer, length uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [method]fields.entries
//go:noescape
func fieldsEntries(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [resource-drop]fields
func dropFields(self uint32)

//go:wasmimport wasi:http/types@0.2.0 [constructor]outgoing-request
func newOutgoingRequest(headers uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-request.set-method
func setMethod(self uint32, which uint32, other string) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-request.set-scheme
func setScheme(self uint32, there uint32, which uint32, other string) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-request.set-authority
func setAuthority(self uint32, there uint32, text string) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-request.set-path-with-query
func setPathWithQuery(self uint32, there uint32, text string) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-request.body
//go:noescape
func outgoingRequestBody(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [resource-drop]outgoing-request
func dropOutgoingRequest(self uint32)

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-body.write
//go:noescape
func outgoingBodyWrite(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [static]outgoing-body.finish
//go:noescape
func outgoingBodyFinish(self uint32, there uint32, trailers uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [resource-drop]outgoing-body
func dropOutgoingBody(self uint32)

//go:wasmimport wasi:http/outgoing-handler@0.2.0 handle
//go:noescape
func handleRequest(request uint32, there uint32, options uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [method]future-incoming-response.subscribe
func futureResponseSubscribe(self uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]future-incoming-response.get
//go:noescape
func futureResponseGet(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [resource-drop]future-incoming-response
func dropFutureResponse(self uint32)

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-response.status
func responseStatus(self uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-response.headers
func responseHeaders(self uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-response.consume
//go:noescape
func responseConsume(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [resource-drop]incoming-response
func dropIncomingResponse(self uint32)

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-body.stream
//go:noescape
func bodyStream(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [static]incoming-body.finish
func bodyFinish(self uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [resource-drop]incoming-body
func dropIncomingBody(self uint32)

//go:wasmimport wasi:http/types@0.2.0 [method]future-trailers.subscribe
func futureTrailersSubscribe(self uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]future-trailers.get
//go:noescape
func futureTrailersGet(self uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [resource-drop]future-trailers
func dropFutureTrailers(self uint32)

//go:wasmimport wasi:http/types@0.2.0 http-error-code
//go:noescape
func httpErrorCode(handle uint32, result unsafe.Pointer)
