// The network's benchmark: one request to a server, or one item of a table.
package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

type message struct {
	Message string `json:"message"`
}

// get responds with what the server at URL said.
func get(ctx context.Context) (message, error) {
	var said message
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("URL"), nil)
	if err != nil {
		return said, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return said, err
	}
	defer response.Body.Close()
	return said, json.NewDecoder(response.Body).Decode(&said)
}

var table = "people"

var database = sync.OnceValues(func() (*dynamodb.Client, error) {
	settings, err := config.LoadDefaultConfig(context.Background())
	return dynamodb.NewFromConfig(settings), err
})

type person struct {
	Name string `json:"name"`
}

// item responds with the name of the item that the event asks for.
func item(ctx context.Context, event struct {
	ID string `json:"id"`
}) (person, error) {
	client, err := database()
	if err != nil {
		return person{}, err
	}
	key := map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: event.ID}}
	found, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: key})
	if err != nil {
		return person{}, err
	}
	name, _ := found.Item["name"].(*types.AttributeValueMemberS)
	return person{Name: name.Value}, nil
}

func main() {
	if os.Getenv("_HANDLER") == "item" {
		lambda.Start(item)
	} else {
		lambda.Start(get)
	}
}
