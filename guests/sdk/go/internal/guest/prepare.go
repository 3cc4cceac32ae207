package guest

// Prepare runs the guest's main until it hands over its handler through started. missing says what main ended without.
func Prepare[T any](main func(), started <-chan T, missing string) (handler T, failed *Failure) {
	ended := make(chan *Failure, 1)
	// In a goroutine, because what hands over the handler does not return.
	go func() {
		failed := &Failure{Type: "NoHandler", Message: "main ended without `" + missing + "`"}
		// Also for a main that ends by runtime.Goexit.
		defer func() { ended <- failed }()
		if panicked := Protect(func() error { main(); return nil }); panicked != nil {
			failed = panicked
		}
	}()
	select {
	case handler = <-started:
		return handler, nil
	case failed = <-ended:
		return handler, failed
	}
}
