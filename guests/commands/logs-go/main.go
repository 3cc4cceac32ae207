// Command logs writes with Go's loggers what it reads: by all of them at levels that they know.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"

	"github.com/sirupsen/logrus"
	"go.uber.org/zap"
)

func main() {
	read, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	text := strings.TrimSpace(string(read))

	log.Printf("log %s", text)

	production, _ := zap.NewProduction()
	production.Info("zap " + text)
	production.Error("zap "+text, zap.Error(errors.New("none")))
	development, _ := zap.NewDevelopment()
	development.Warn("zap for people " + text)

	logrus.Info("logrus " + text)
	logrus.WithField("order", 7).Error("logrus " + text)
	asJSON := logrus.New()
	asJSON.SetFormatter(&logrus.JSONFormatter{})
	asJSON.Warn("logrus as JSON " + text)

	slog.Warn("slog " + text)
	slog.New(slog.NewTextHandler(os.Stderr, nil)).Error("slog as text "+text, "order", 7)
	slog.New(slog.NewJSONHandler(os.Stderr, nil)).Info("slog as JSON " + text)

	fmt.Println("\"done\"")
}
