// A function for AWS's own runtime that is a web server behind a function's URL.
package main

import (
	"fmt"
	"net/http"

	"github.com/aws/aws-lambda-go/lambdaurl"
)

func hello(w http.ResponseWriter, r *http.Request) {
	asked, _ := lambdaurl.RequestFromContext(r.Context())
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintf(w, "Hello %s from %s", r.URL.Query().Get("name"), asked.RequestContext.DomainName)
}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", hello)
	lambdaurl.Start(mux)
}
