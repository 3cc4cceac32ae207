// Package denied has the error of what the handler's settings do not grant.
package denied

import "syscall"

// Error wraps [syscall.EACCES].
type Error struct{ Reason string }

// NoRule is the error where no rule grants a request or a connection.
var NoRule = &Error{"no rule of network.allow grants it"}

func (e *Error) Error() string {
	return syscall.EACCES.Error() + ": " + e.Reason
}

func (e *Error) Unwrap() error {
	return syscall.EACCES
}
