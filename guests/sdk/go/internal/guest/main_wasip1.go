package guest

import (
	"fmt"
	"os"
	_ "unsafe" // for go:linkname
)

// Main is the handler's own main. Its declaration without a body is why there is main_wasip1.s.
//
//go:linkname Main main.main
func Main()

// Start hands over the handler, and keeps main where it is: nothing that it deferred may run before the events come.
func Start[T any](started chan<- T, handler T, isPreparing bool) {
	if !isPreparing {
		fmt.Fprintln(os.Stderr, "this module is a command and not a handler: build it with `-buildmode=c-shared`")
		os.Exit(2)
	}
	started <- handler
	select {}
}
