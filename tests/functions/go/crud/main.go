// Items of an HTTP API: create, read, update and delete.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/uuid"
)

type Item struct {
	ID    string            `json:"id"`
	Name  string            `json:"name"`
	Price json.Number       `json:"price"`
	Tags  []string          `json:"tags,omitempty"`
	Meta  map[string]string `json:"meta"`
}

type ValidationError struct {
	Field  string
	Reason string
}

func (e *ValidationError) Error() string { return fmt.Sprintf("%s %s", e.Field, e.Reason) }

var ErrNotFound = errors.New("not found")

type Store struct{ items map[string]Item }

func (s *Store) Get(id string) (Item, error) {
	item, ok := s.items[id]
	if !ok {
		return Item{}, fmt.Errorf("item %q: %w", id, ErrNotFound)
	}
	return item, nil
}

func (s *Store) Put(item Item) error {
	if strings.TrimSpace(item.Name) == "" {
		return &ValidationError{"name", "is required"}
	}
	price, ok := new(big.Rat).SetString(item.Price.String())
	if !ok || price.Sign() < 0 {
		return &ValidationError{"price", "must be a positive number"}
	}
	s.items[item.ID] = item
	return nil
}

func (s *Store) Total() string {
	total := new(big.Rat)
	for _, item := range s.items {
		price, _ := new(big.Rat).SetString(item.Price.String())
		total.Add(total, price)
	}
	return total.FloatString(2)
}

type API struct {
	store *Store
	log   *slog.Logger
}

func (a *API) Handle(ctx context.Context, request events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	route := request.RouteKey
	a.log.InfoContext(ctx, "request", "route", route, "id", request.RequestContext.RequestID)
	id := request.PathParameters["id"]
	switch route {
	case "GET /items":
		return a.list(request.QueryStringParameters)
	case "GET /items/{id}":
		item, err := a.store.Get(id)
		return respond(http.StatusOK, item, err)
	case "POST /items", "PUT /items/{id}":
		return a.put(id, request)
	case "DELETE /items/{id}":
		_, err := a.store.Get(id)
		delete(a.store.items, id)
		return respond(http.StatusNoContent, nil, err)
	}
	return events.APIGatewayV2HTTPResponse{}, fmt.Errorf("unsupported route: %q", route)
}

func (a *API) put(id string, request events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	body := []byte(request.Body)
	if request.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(request.Body)
		if err != nil {
			return respond(http.StatusBadRequest, nil, err)
		}
		body = decoded
	}
	var item Item
	if err := json.Unmarshal(body, &item); err != nil {
		return respond(http.StatusBadRequest, nil, err)
	}
	item.ID = id
	if id == "" {
		item.ID = uuid.NewSHA1(uuid.NameSpaceURL, body).String()
	}
	if err := a.store.Put(item); err != nil {
		return respond(http.StatusUnprocessableEntity, nil, err)
	}
	return respond(http.StatusCreated, item, nil)
}

func (a *API) list(query map[string]string) (events.APIGatewayV2HTTPResponse, error) {
	limit, err := strconv.Atoi(query["limit"])
	if query["limit"] != "" && err != nil {
		return respond(http.StatusBadRequest, nil, err)
	}
	found := []Item{}
	for _, item := range a.store.items {
		if tag := query["tag"]; tag == "" || strings.Contains(strings.Join(item.Tags, ","), tag) {
			found = append(found, item)
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Name < found[j].Name })
	if limit > 0 && limit < len(found) {
		found = found[:limit]
	}
	return respond(http.StatusOK, map[string]any{"items": found, "total": a.store.Total()}, nil)
}

func respond(status int, body any, err error) (events.APIGatewayV2HTTPResponse, error) {
	var invalid *ValidationError
	switch {
	case errors.Is(err, ErrNotFound):
		status, body = http.StatusNotFound, map[string]string{"error": err.Error()}
	case errors.As(err, &invalid):
		body = map[string]string{"error": err.Error(), "field": invalid.Field}
	case err != nil:
		body = map[string]string{"error": err.Error()}
	}
	if body == nil {
		return events.APIGatewayV2HTTPResponse{StatusCode: status}, nil
	}
	text, err := json.Marshal(body)
	headers := map[string]string{"Content-Type": "application/json"}
	return events.APIGatewayV2HTTPResponse{StatusCode: status, Headers: headers, Body: string(text)}, err
}

func main() {
	api := &API{&Store{map[string]Item{}}, slog.New(slog.NewJSONHandler(os.Stdout, nil))}
	lambda.Start(api.Handle)
}
