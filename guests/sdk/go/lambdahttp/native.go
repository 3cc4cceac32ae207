//go:build !wasip1

package lambdahttp

import (
	"cmp"
	"log"
	"net/http"
	"os"
)

// start serves the handler on the machine itself, for `go run .`.
func start(handler http.Handler) {
	address := cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080")
	log.Printf("serving http://%s; ADDR in the environment names another address", address)
	log.Fatal(http.ListenAndServe(address, handler))
}
