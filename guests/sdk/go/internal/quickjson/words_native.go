//go:build !wasip1

package quickjson

const littleWords = false
