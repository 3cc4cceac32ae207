// Package network carries the requests of net/http through the host, which grants them by the rules of the handler's
// setting network.allow.
//
// A guest that `guesthouse build` builds has it by itself, if it imports net/http, and then all Transports go through
// the host. With `go build`, import it for [http.DefaultTransport], which [http.Get] and [http.DefaultClient] use:
//
//	import _ "guesthouse.dev/go/network"
//
// and give clients with Transports of their own this one:
//
//	client := &http.Client{Transport: http.DefaultTransport}
//
// The host makes the connections, keeps them, and checks certificates. So it is that a Transport's settings for
// connections count for nothing: Proxy, Dial and the like, TLSClientConfig, limits of connections. Those that count are
// DisableCompression and ResponseHeaderTimeout.
package network
