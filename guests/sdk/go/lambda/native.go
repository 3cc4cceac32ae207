//go:build !wasip1

package lambda

import (
	"fmt"
	"os"
)

// start ends a program that was built for the machine itself, which nothing would send events to.
func start(*reflected) {
	fmt.Fprintln(os.Stderr, "lambda.Start: this is a guest of Guesthouse, and no program: build it with "+
		"`GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o NAME.wasm .`, and run it with `guesthouse run NAME.wasm`")
	os.Exit(1)
}
