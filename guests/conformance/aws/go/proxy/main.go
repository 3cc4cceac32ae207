// A function for AWS's own runtime behind API Gateway, of the shape that AWS's documentation has: AWS's own types for
// the request and the response, and the request's id from its context.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type order struct {
	ID    string  `json:"id"`
	Total float64 `json:"total"`
}

func handle(ctx context.Context, request events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	from, _ := lambdacontext.FromContext(ctx)
	log.Printf("%s %s for %s", request.HTTPMethod, request.Path, request.RequestContext.Identity.SourceIP)

	var asked order
	if err := json.Unmarshal([]byte(request.Body), &asked); err != nil {
		return events.APIGatewayProxyResponse{StatusCode: http.StatusBadRequest, Body: "no order"}, nil
	}
	body, err := json.Marshal(map[string]any{"id": asked.ID, "currency": request.QueryStringParameters["currency"], "total": asked.Total})
	if err != nil {
		return events.APIGatewayProxyResponse{}, err
	}
	return events.APIGatewayProxyResponse{
		StatusCode: http.StatusOK,
		Headers:    map[string]string{"Content-Type": "application/json", "X-Request-Id": from.AwsRequestID},
		Body:       string(body),
	}, nil
}

func main() {
	lambda.Start(handle)
}
