module bench-http

go 1.24

require guesthouse.dev/go v0.0.0

require github.com/aws/aws-lambda-go v1.54.0 // indirect

replace guesthouse.dev/go => ../../../../guests/sdk/go
