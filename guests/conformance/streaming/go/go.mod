module example.com/conformance/streaming

go 1.24

require (
	github.com/aws/aws-lambda-go v1.54.0
	guesthouse.dev/go v0.0.0
)

replace guesthouse.dev/go => ../../../sdk/go
