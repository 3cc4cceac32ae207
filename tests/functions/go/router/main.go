// A web service on chi behind an API: a middleware, parameters, forms and a page of HTML.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"html/template"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	chiadapter "github.com/awslabs/aws-lambda-go-api-proxy/chi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

var page = template.Must(template.New("page").Parse(
	`<h1>{{.Name}}</h1><a href="/find?q={{.Query}}">{{.Query}}</a>{{range $i, $line := .Lines}}<p id="{{$i}}">{{$line}}</p>{{end}}`))

type key struct{}

func tenant(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Header.Get("X-Tenant")
		if name == "" {
			http.Error(w, "no tenant", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, name)))
	})
}

func router() *chi.Mux {
	r := chi.NewRouter()
	r.Use(middleware.CleanPath, middleware.Recoverer)
	r.Get("/", func(w http.ResponseWriter, r *http.Request) {
		_ = page.Execute(w, map[string]any{"Name": "a < b", "Query": r.URL.Query().Get("q"), "Lines": r.URL.Query()["line"]})
	})
	r.Route("/tenants", func(r chi.Router) {
		r.Use(tenant)
		r.Get("/{id:[0-9]+}", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Add("X-Seen", "a")
			w.Header().Add("X-Seen", "b")
			_ = json.NewEncoder(w).Encode(map[string]any{"id": chi.URLParam(r, "id"), "tenant": r.Context().Value(key{})})
		})
	})
	r.Post("/sign", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		mac := hmac.New(sha256.New, []byte(r.Form.Get("secret")))
		mac.Write([]byte(strings.Join(r.Form["text"], "\n")))
		http.SetCookie(w, &http.Cookie{Name: "mac", Value: hex.EncodeToString(mac.Sum(nil)), Path: "/", HttpOnly: true})
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	r.Put("/bytes", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte{0xff, 0x00, 0x80, byte(r.ContentLength)})
	})
	r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("this page is lost") })
	r.Get("/day/{day}", func(w http.ResponseWriter, r *http.Request) {
		day, err := time.Parse(time.DateOnly, chi.URLParam(r, "day"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, week := day.ISOWeek()
		_ = json.NewEncoder(w).Encode(map[string]any{"weekday": day.Weekday().String(), "week": week, "next": day.AddDate(0, 1, 0)})
	})
	return r
}

func main() {
	adapter := chiadapter.New(router())
	lambda.Start(func(ctx context.Context, request events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		log.Printf("%s %s", request.HTTPMethod, request.Path)
		return adapter.ProxyWithContext(ctx, request)
	})
}
