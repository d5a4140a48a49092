//go:build !js

package call

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Both halves of the crossing write the same numbers and names down.
func TestHalvesAgree(t *testing.T) {
	read := func(file string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	goHalf, jsHalf := read("call_js.go"), read("call.js")
	for goName, jsName := range map[string]string{"kindResult": "RESULT", "kindPart": "PART", "kindError": "ERROR", "kindEvents": "EVENTS"} {
		g := regexp.MustCompile(`\b` + goName + `\s+= (\d+)`).FindStringSubmatch(goHalf)
		j := regexp.MustCompile(`const ` + jsName + ` = (\d+);`).FindStringSubmatch(jsHalf)
		if g == nil || j == nil || g[1] != j[1] {
			t.Errorf("%s is %q in Go, %s is %q in JavaScript", goName, g, jsName, j)
		}
	}
	for _, m := range regexp.MustCompile(`//go:wasmimport kaiwire (\w+)`).FindAllStringSubmatch(goHalf, -1) {
		if !strings.Contains(jsHalf, m[1]+":") {
			t.Errorf("call.js does not have %s", m[1])
		}
	}
	// A call whose options have no timeout says none.
	const client = "../../web/src/client.js"
	seconds := regexp.MustCompile(`DefaultTimeout = (\d+) \* time.Second`).FindStringSubmatch(goHalf)
	if milliseconds := regexp.MustCompile(`DEFAULT_TIMEOUT = (\d+)000;`).FindStringSubmatch(read(client)); seconds == nil || milliseconds == nil || seconds[1] != milliseconds[1] {
		t.Errorf("the default timeout is %q in Go, %q in JavaScript", seconds, milliseconds)
	}
}
