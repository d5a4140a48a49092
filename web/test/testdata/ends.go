// A program that ends at once, by the exit status that is its argument or by a
// panic.
package main

import (
	"os"
	"strconv"
)

func main() {
	status, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic("as it was told")
	}
	os.Exit(status)
}
