// Works through queues and streams: orders that come by SNS and SQS, and records of Kinesis, as partial batches.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"gopkg.in/yaml.v3"
)

type Order struct {
	XMLName xml.Name  `json:"-" yaml:"-" xml:"order"`
	ID      string    `json:"id" yaml:"id" xml:"id,attr"`
	Amount  float64   `json:"amount" yaml:"amount" xml:"amount"`
	Placed  time.Time `json:"placed" yaml:"placed" xml:"placed"`
	Lines   []string  `json:"lines,omitempty" yaml:"lines" xml:"lines>line"`
}

type PoisonError struct{ Message string }

func (e PoisonError) Error() string { return "poison: " + e.Message }

var errEmpty = errors.New("an order needs an id")

type Result struct {
	Orders   []Order                         `json:"orders"`
	Sum      float64                         `json:"sum"`
	Days     map[time.Weekday]int            `json:"days"`
	Failures []events.SQSBatchItemFailure    `json:"batchItemFailures"`
	Reasons  []string                        `json:"reasons"`
	Records  map[string]events.KinesisRecord `json:"records,omitempty"`
}

func decode(kind string, body []byte) (order Order, err error) {
	switch kind {
	case "yaml":
		err = yaml.Unmarshal(body, &order)
	case "xml":
		err = xml.Unmarshal(body, &order)
	case "csv":
		var fields []string
		if fields, err = csv.NewReader(bytes.NewReader(body)).Read(); err == nil {
			order.ID, order.Lines = fields[0], fields[1:]
		}
	case "poison":
		return order, PoisonError{string(body)}
	default:
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(&order)
	}
	if err == nil && order.ID == "" {
		err = errEmpty
	}
	return order, err
}

func (r *Result) add(id string, order Order, err error) {
	if err != nil {
		log.Printf("can't take %s: %v", id, err)
		r.Failures = append(r.Failures, events.SQSBatchItemFailure{ItemIdentifier: id})
		r.Reasons = append(r.Reasons, err.Error())
		return
	}
	r.Orders = append(r.Orders, order)
	r.Sum += order.Amount
	r.Days[order.Placed.Weekday()]++
}

func handle(ctx context.Context, raw json.RawMessage) (any, error) {
	if _, ok := lambdacontext.FromContext(ctx); !ok {
		return nil, errors.New("there is no context")
	}
	var probe struct {
		Records []struct {
			EventSource string `json:"eventSource"`
		}
	}
	if err := json.Unmarshal(raw, &probe); err != nil {
		return nil, err
	}
	if len(probe.Records) == 0 {
		return nil, fmt.Errorf("nothing to do in %d bytes", len(raw))
	}
	result := &Result{Days: map[time.Weekday]int{}, Failures: []events.SQSBatchItemFailure{}}
	if probe.Records[0].EventSource == "aws:kinesis" {
		return result, kinesis(raw, result)
	}
	var event events.SQSEvent
	if err := json.Unmarshal(raw, &event); err != nil {
		return nil, err
	}
	for _, message := range event.Records {
		kind, body := "json", message.Body
		if attribute, ok := message.MessageAttributes["format"]; ok && attribute.StringValue != nil {
			kind = *attribute.StringValue
		}
		var notice events.SNSEntity
		if strings.HasPrefix(body, `{"Type"`) && json.Unmarshal([]byte(body), &notice) == nil {
			body = notice.Message
		}
		order, err := decode(kind, []byte(body))
		var poison PoisonError
		if errors.As(err, &poison) {
			return nil, poison
		}
		if kind == "panic" {
			panic("can't take " + message.MessageId)
		}
		result.add(message.MessageId, order, err)
	}
	return result, nil
}

func kinesis(raw json.RawMessage, result *Result) error {
	var event events.KinesisEvent
	if err := json.Unmarshal(raw, &event); err != nil {
		return err
	}
	result.Records = map[string]events.KinesisRecord{}
	for _, record := range event.Records {
		data := record.Kinesis.Data
		if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
			reader, err := gzip.NewReader(bytes.NewReader(data))
			if err == nil {
				data, err = io.ReadAll(reader)
			}
			if err != nil {
				result.add(record.EventID, Order{}, err)
				continue
			}
		}
		order, err := decode("json", data)
		result.add(record.EventID, order, err)
		result.Records[record.EventID] = record.Kinesis
	}
	return nil
}

func main() {
	log.SetFlags(0)
	lambda.Start(handle)
}
