package lines

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// normalize gives text to a Normalizer in pieces of size.
func normalize(text string, dots bool, size int) string {
	z := Normalizer{Dots: dots}
	var out []byte
	for len(text) > 0 {
		n := min(size, len(text))
		out = z.Append(out, []byte(text[:n]))
		text = text[n:]
	}
	return string(z.End(out))
}

func TestNormalizer(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "\r\n",
		"a":                   "a\r\n",
		"a\r\n":               "a\r\n",
		"a\nb\rc\r\nd":        "a\r\nb\r\nc\r\nd\r\n",
		"\n\n":                "\r\n\r\n",
		"\r\r\n\n":            "\r\n\r\n\r\n",
		".\r\n..\n.a.":        "..\r\n...\r\n..a.\r\n",
		"a\n.\nMAIL FROM:<x>": "a\r\n..\r\nMAIL FROM:<x>\r\n",
		"a\r.\rb":             "a\r\n..\r\nb\r\n",
	} {
		for size := 1; size <= len(text)+1; size++ {
			if got := normalize(text, true, size); got != want {
				t.Errorf("%q in pieces of %d became %q, want %q", text, size, got, want)
			}
		}
	}
	if got := normalize(".\n.", false, 1); got != ".\r\n.\r\n" {
		t.Errorf("without dots: %q", got)
	}
}

func TestDotReader(t *testing.T) {
	for text, want := range map[string]string{
		".\r\n":                       "",
		"a\r\n.\r\n":                  "a\r\n",
		"..\r\n...a\r\n.b\r\n.\r\n":   ".\r\n..a\r\nb\r\n",
		"a\n.\nb\r.\rc\r\r\n.\r\n":    "a\n.\nb\r.\rc\r\r\n",
		".\rx\r\n.\r\r\n.\r\n":        "\rx\r\n\r\r\n",
		"a.\r\nb\r\n\r\n.\r\nnot his": "a.\r\nb\r\n\r\n",
	} {
		for _, size := range []int{16, 4096} {
			for _, in := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
				got, err := io.ReadAll(iotest.OneByteReader(&DotReader{r: bufio.NewReaderSize(in, size)}))
				if string(got) != want || err != nil {
					t.Errorf("%q became %q, %v, want %q", text, got, err, want)
				}
			}
		}
	}
	for _, text := range []string{"", "a", "a\r\n", "a\r\n.", "a\r\n.\r", "a\n.\n", "a\r\n..\r\n"} {
		if _, err := io.ReadAll(&DotReader{r: bufio.NewReader(strings.NewReader(text))}); err != io.ErrUnexpectedEOF {
			t.Errorf("%q ended with %v", text, err)
		}
	}
}

// What a Normalizer makes has no line end but CRLF, and a DotReader makes of it
// what it was, whatever the pieces.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a\r\n.\r\nb", "\n.\n", "\r.\r", "..\r\n", ".\r\r\n.", "a\r\n\r\n..b"} {
		f.Add(s, uint8(1))
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		plain := normalize(text, false, int(size)+1)
		if rest := strings.ReplaceAll(plain, "\r\n", ""); strings.ContainsAny(rest, "\r\n") || !strings.HasSuffix(plain, "\r\n") {
			t.Errorf("%q became %q", text, plain)
		}
		sent := normalize(text, true, int(size)+1) + ".\r\nrest"
		r := bufio.NewReaderSize(strings.NewReader(sent), 16)
		got, err := io.ReadAll(&DotReader{r: r})
		if string(got) != plain || err != nil {
			t.Errorf("%q came back as %q, %v", plain, got, err)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "rest" {
			t.Errorf("%q was left", rest)
		}
	})
}

// Whatever comes is read without more of it than there is.
func FuzzDotReader(f *testing.F) {
	for _, s := range []string{".\r\n", "a\r\n.\r\n", ".\r", ".a\r\n", "\r\n.\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, come []byte) {
		got, err := io.ReadAll(&DotReader{r: bufio.NewReaderSize(bytes.NewReader(come), 16)})
		if len(got) > len(come) || err != nil && err != io.ErrUnexpectedEOF {
			t.Errorf("%q became %q, %v", come, got, err)
		}
		if err == nil && !bytes.Contains(come, []byte(".\r\n")) {
			t.Errorf("%q has no end", come)
		}
	})
}
