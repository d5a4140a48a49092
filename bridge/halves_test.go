//go:build !js

package bridge

import (
	"os"
	"regexp"
	"testing"
)

// Both halves of the crossing write the same numbers down.
func TestNumbersOfBothHalves(t *testing.T) {
	read := func(file string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	goHalf, jsHalf := read("host_js.go"), read("stream.js")+read("host.js")
	for goName, jsName := range map[string]string{
		"wouldBlock": "WOULD_BLOCK", "ended": "ENDED_RESULT", "yieldFirst": "YIELD_FIRST",
		"flagTLS": "FLAG_TLS", "flagString": "FLAG_STRING", "flagReuse": "FLAG_REUSE", "flagLoopback": "FLAG_LOOPBACK",
		"wakeOpen": "OPEN", "wakeReadable": "READABLE", "wakeWritable": "WRITABLE", "wakeEnded": "ENDED",
	} {
		g := regexp.MustCompile(`\b` + goName + `\s+= (-?\d+)`).FindStringSubmatch(goHalf)
		j := regexp.MustCompile(`const ` + jsName + ` = (-?\d+);`).FindStringSubmatch(jsHalf)
		if g == nil || j == nil || g[1] != j[1] {
			t.Errorf("%s is %q in Go, %s is %q in JavaScript", goName, g, jsName, j)
		}
	}
	for _, m := range regexp.MustCompile(`//go:wasmimport kaiwire (\w+)`).FindAllStringSubmatch(goHalf, -1) {
		if !regexp.MustCompile(`\b` + m[1] + `:`).MatchString(jsHalf) {
			t.Errorf("host.js does not have %s", m[1])
		}
	}
}
