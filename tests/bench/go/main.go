// The benchmark's handlers, as AWS's documentation has them.
package main

import (
	"context"
	"fmt"
	"os"
	"sort"

	"github.com/aws/aws-lambda-go/lambda"
)

type person struct {
	Name string `json:"name"`
}

type greeting struct {
	Message string `json:"message"`
}

func hello(_ context.Context, event person) (greeting, error) {
	return greeting{Message: fmt.Sprintf("Hello %s!", event.Name)}, nil
}

type order struct {
	Customer string `json:"customer"`
	Items    []struct {
		Quantity uint64 `json:"quantity"`
		Cents    uint64 `json:"cents"`
	} `json:"items"`
}

type customer struct {
	Customer string `json:"customer"`
	Orders   uint64 `json:"orders"`
	Cents    uint64 `json:"cents"`
}

type totals struct {
	Customers []customer `json:"customers"`
}

func orders(_ context.Context, event struct {
	Orders []order `json:"orders"`
}) (totals, error) {
	byName := map[string]*customer{}
	for _, order := range event.Orders {
		total, known := byName[order.Customer]
		if !known {
			total = &customer{Customer: order.Customer}
			byName[order.Customer] = total
		}
		total.Orders++
		for _, item := range order.Items {
			total.Cents += item.Quantity * item.Cents
		}
	}
	response := totals{}
	for _, total := range byName {
		response.Customers = append(response.Customers, *total)
	}
	sort.Slice(response.Customers, func(a, b int) bool { return response.Customers[a].Customer < response.Customers[b].Customer })
	return response, nil
}

type data struct {
	Data string `json:"data"`
}

func echo(_ context.Context, event data) (data, error) {
	return event, nil
}

func main() {
	switch os.Getenv("_HANDLER") {
	case "orders":
		lambda.Start(orders)
	case "echo":
		lambda.Start(echo)
	default:
		lambda.Start(hello)
	}
}
