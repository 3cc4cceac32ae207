// Package sockets makes connections of TCP by way of the host, which grants them by the rules for `tcp` of the handler's
// setting network.allow.
//
// In a guest that `guesthouse build` builds, [net.Dial] and all that is made of it use this package by themselves. With
// `go build`, give libraries [DialContext] for their dialer.
package sockets
