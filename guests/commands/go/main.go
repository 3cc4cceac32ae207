// Counts the lines, words and bytes of its standard input.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

type counts struct {
	Lines int `json:"lines"`
	Words int `json:"words"`
	Bytes int `json:"bytes"`
}

func count(input io.Reader) (counts, error) {
	var all counts
	for reader := bufio.NewReader(input); ; {
		line, err := reader.ReadBytes('\n')
		if len(line) > 0 {
			all.Lines++
			all.Words += len(bytes.Fields(line))
			all.Bytes += len(line)
		}
		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return all, err
		}
	}
}

func main() {
	all, err := count(os.Stdin)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(all)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
