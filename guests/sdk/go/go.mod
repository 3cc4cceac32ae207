module guesthouse.dev/go

go 1.24

// 1.55 asks for Go 1.26. A function that wants it requires it in its own go.mod.
require github.com/aws/aws-lambda-go v1.54.0
