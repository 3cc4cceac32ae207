// Package lambdahttp runs a handler of net/http as a Guesthouse guest: one for HTTP requests, whatever sends them to the
// function (a Function URL, API Gateway, a load balancer, VPC Lattice).
//
//	func main() {
//		http.HandleFunc("GET /orders/{id}", order)
//		lambdahttp.Start(nil)
//	}
//
// It is a package of its own, and not a part of package lambda, because net/http is large. A guest has one of the two:
// with both there would be two handlers, and the linker refuses that.
//
// `guesthouse build` builds it. What a handler writes is streamed to the host as it comes, and a slow caller slows it
// down. [http.Flusher], trailers and [http.ResponseController.EnableFullDuplex] are there, [http.Hijacker] and deadlines
// of the connection are not.
//
// Package variables keep their values between the requests of an instance, which has one request at a time. A goroutine
// that still runs when the handler returns goes on while a later request waits for something, or never.
//
// A panic before the response's head fails the invocation, and one after it breaks the response off. Either way it is
// logged as net/http does, and the instance stays in use.
package lambdahttp

import (
	"encoding/json"
	"net/http"
)

// Start makes handler the guest's handler, or [http.DefaultServeMux] if it is nil. It is called at the end of main and
// does not return, so what main deferred never runs. main itself runs once for each instance, before its first request.
//
// The context of a request has the invocation's deadline, and what lambdacontext.FromContext returns.
func Start(handler http.Handler) {
	if handler == nil {
		handler = http.DefaultServeMux
	}
	start(handler)
}

// RequestContext returns the JSON of the event's requestContext, with who is authorized and what asked. It is read with
// the types of AWS's package events, as APIGatewayV2HTTPRequestContext. It is nil if the host sent none.
func RequestContext(r *http.Request) json.RawMessage {
	text := r.Header.Get(requestContextHeader)
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}

// The host sets these, and removes what a caller sent under their names.
const (
	requestContextHeader = "X-Amzn-Request-Context"
	lambdaContextHeader  = "X-Amzn-Lambda-Context"
	tenantHeader         = "X-Amz-Tenant-Id"
	traceHeader          = "X-Amzn-Trace-Id"
)
