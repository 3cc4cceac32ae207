// Package arena is the memory into which the host writes: the arguments of a call to the guest, and what the guest's
// own calls to the host return.
package arena
