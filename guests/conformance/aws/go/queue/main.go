// A function for AWS's own runtime that takes messages from a queue, with AWS's package under another name, and with
// options.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	runtime "github.com/aws/aws-lambda-go/lambda"
)

type order struct {
	ID json.Number `json:"id"`
}

func process(message events.SQSMessage) error {
	var asked order
	decoder := json.NewDecoder(strings.NewReader(message.Body))
	decoder.UseNumber()
	if err := decoder.Decode(&asked); err != nil {
		return err
	}
	if asked.ID == "" {
		return fmt.Errorf("message %s has no order", message.MessageId)
	}
	log.Printf("order %s", asked.ID)
	return nil
}

func handler(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, message := range event.Records {
		if err := process(message); err != nil {
			failed := events.SQSBatchItemFailure{ItemIdentifier: message.MessageId}
			response.BatchItemFailures = append(response.BatchItemFailures, failed)
		}
	}
	return response, nil
}

func main() {
	runtime.StartWithOptions(handler, runtime.WithContext(context.Background()), runtime.WithUseNumber(true))
}
