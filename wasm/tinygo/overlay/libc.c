// What TinyGo's runtime and its compiler call of a C library, where there is
// none: memory.copy and memory.fill are instructions of WebAssembly, and random
// numbers are crypto.getRandomValues's, by wasm_exec.js.

typedef __SIZE_TYPE__ size_t;

__attribute__((import_module("wasi_snapshot_preview1"), import_name("random_get")))
int random_get(void *to, size_t length);

unsigned arc4random(void) {
	unsigned number;
	random_get(&number, sizeof number);
	return number;
}

void arc4random_buf(void *to, size_t length) { random_get(to, length); }

void *memcpy(void *restrict to, const void *restrict from, size_t length) { return __builtin_memcpy(to, from, length); }

void *memmove(void *to, const void *from, size_t length) { return __builtin_memmove(to, from, length); }

void *memset(void *to, int byte, size_t length) { return __builtin_memset(to, byte, length); }

// The natural logarithm, for math.Log, which TinyGo does not compile from Go; math/big guesses by it how many digits a
// number has. With x = 2^e m, m in [√½, √2), it is e ln 2 + 2 artanh t, t = (m - 1) / (m + 1), and |t| < 0.172.
double log(double x) {
	union { double number; unsigned long long bits; } m = { x };
	const unsigned long long fraction = (1ull << 52) - 1;
	int e = 0;
	if (!(x > 0)) return x == 0 ? -__builtin_inf() : __builtin_nan("");
	if (x == __builtin_inf()) return x;
	if (m.bits <= fraction) { // subnormal
		m.number *= 1ull << 54;
		e = -54;
	}
	e += (int)(m.bits >> 52) - 1023;
	m.bits = (m.bits & fraction) | 1023ull << 52;
	if (m.number > 1.4142135623730951) {
		m.number /= 2;
		e++;
	}
	double t = (m.number - 1) / (m.number + 1), sum = 0;
	for (int k = 25; k > 0; k -= 2) sum = sum * t * t + 1.0 / k;
	return e * 0.6931471805599453 + 2 * t * sum;
}

// syscall's errno, for calls that are never made.
int errno;

int *__errno_location(void) { return &errno; }

// Called at the program's end, to write out what no buffer holds here.
void __stdio_exit(void) {}
