module guesthouse.dev/go/count

go 1.24
