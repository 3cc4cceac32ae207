package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

func init() {
	operations["dynamodb"], operations["getitem"] = makeTable, getItem
	operations["s3"], operations["sqs"], operations["sts"] = useS3, useSQS, useSTS
}

// settings are those of the environment. They are read once, as functions do.
var settings = sync.OnceValues(func() (aws.Config, error) {
	return config.LoadDefaultConfig(context.Background())
})

var database = sync.OnceValues(func() (*dynamodb.Client, error) {
	c, err := settings()
	return dynamodb.NewFromConfig(c), err
})

var key = map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: "Ada ü"}}

func makeTable(ctx context.Context, e event) (object, error) {
	client, err := database()
	if err != nil {
		return nil, err
	}
	_, err = client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:            &e.Table,
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: "S"}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: "HASH"}},
	})
	if err != nil {
		return nil, err
	}
	item := map[string]types.AttributeValue{"id": key["id"], "n": &types.AttributeValueMemberN{Value: "42"}}
	if _, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &e.Table, Item: item}); err != nil {
		return nil, err
	}
	return getItem(ctx, e)
}

func getItem(ctx context.Context, e event) (object, error) {
	client, err := database()
	if err != nil {
		return nil, err
	}
	got, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &e.Table, Key: key})
	if err != nil {
		return nil, err
	}
	id, _ := got.Item["id"].(*types.AttributeValueMemberS)
	n, _ := got.Item["n"].(*types.AttributeValueMemberN)
	if id == nil || n == nil {
		return nil, fmt.Errorf("no such item: %v", got.Item)
	}
	return object{"item": object{"id": id.Value, "n": n.Value}}, nil
}

func useS3(ctx context.Context, e event) (object, error) {
	c, err := settings()
	if err != nil {
		return nil, err
	}
	client := s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &e.Bucket}); err != nil {
		return nil, err
	}
	roundTrip := func(key string, body []byte) ([]byte, error) {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &e.Bucket, Key: &key, Body: bytes.NewReader(body)})
		if err != nil {
			return nil, err
		}
		got, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &e.Bucket, Key: &key})
		if err != nil {
			return nil, err
		}
		defer got.Body.Close()
		return io.ReadAll(got.Body)
	}
	keys := map[string]string{}
	for _, key := range e.Keys {
		body := []byte("hello " + key)
		switch got, err := roundTrip(key, body); {
		case err != nil:
			return nil, err
		case bytes.Equal(got, body):
			keys[key] = "ok"
		default:
			keys[key] = "differs"
		}
	}
	big, err := roundTrip("big", bytes.Repeat([]byte("z"), 2_000_000))
	if err != nil {
		return nil, err
	}
	listed, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &e.Bucket})
	if err != nil {
		return nil, err
	}
	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: &e.Bucket, Key: aws.String("nope")})
	missing := fmt.Sprint(err)
	var failed smithy.APIError
	if errors.As(err, &failed) {
		missing = failed.ErrorCode()
	}
	return object{"keys": keys, "big": len(big), "listed": len(listed.Contents), "missing": missing}, nil
}

func useSQS(ctx context.Context, e event) (object, error) {
	c, err := settings()
	if err != nil {
		return nil, err
	}
	client := sqs.NewFromConfig(c)
	queue, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &e.Queue})
	if err != nil {
		return nil, err
	}
	message := sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("hi & <ho>")}
	if _, err := client.SendMessage(ctx, &message); err != nil {
		return nil, err
	}
	received, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl})
	if err != nil {
		return nil, err
	}
	if len(received.Messages) == 0 {
		return nil, errors.New("the queue is empty")
	}
	return object{"body": received.Messages[0].Body}, nil
}

func useSTS(ctx context.Context, _ event) (object, error) {
	c, err := settings()
	if err != nil {
		return nil, err
	}
	identity, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, err
	}
	return object{"arn": identity.Arn}, nil
}
