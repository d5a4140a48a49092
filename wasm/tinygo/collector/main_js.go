// Collector is a program that checks what overlay/ changes in TinyGo's
// collector, and ends with a code other than 0 where it is not so. It is no test
// of package testing, with which come all of Unicode's tables: the collector
// takes numbers in these for addresses, and keeps by them what it is to let go.
package main

import (
	"os"
	"runtime"
	"strconv"
	"syscall/js"
)

// length of the lists that nobody needs: 64 KB.
const length = 16 << 10

type node struct {
	next *node
	text string
}

func main() {
	mapKeepsNothingElse()
	waitingGoroutineKeepsWhatItNeeds()
	goroutineBelowAnotherKeepsWhatItNeeds()
	stacksAreUsedAgain()
}

func fail(text ...string) {
	for _, word := range text {
		print(word, " ")
	}
	println()
	os.Exit(1)
}

// atMost fails unless what can be reached has grown by no more than limit bytes since it was base.
func atMost(base, limit int, name string) {
	if kept := inUse() - base; kept > limit {
		fail(name, "keeps", strconv.Itoa(kept), "bytes, more than", strconv.Itoa(limit))
	}
}

// inUse is the memory of what can be reached.
func inUse() int {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// chain returns 50 nodes, each of which has a text of its own.
//
//go:noinline
func chain(name string) *node {
	var first *node
	for i := range 50 {
		first = &node{next: first, text: name + "," + strconv.Itoa(i)}
	}
	return first
}

// check fails unless first is what chain has made.
func check(first *node, name string) {
	for i := 49; i >= 0; i-- {
		if first == nil || first.text != name+","+strconv.Itoa(i) {
			fail("node", strconv.Itoa(i), "of", name, "is gone")
		}
		first = first.next
	}
}

// forget has a list in hand, in a frame that is no more when it returns.
//
//go:noinline
func forget() {
	list := make([]*node, length)
	for i := 0; i < len(list); i += 4096 {
		list[i] = &node{}
	}
}

// garbage has the collector give away again what is free.
func garbage() {
	runtime.GC()
	for range 500 {
		chain("garbage")
	}
}

// names is of a size at which most buckets are half empty.
var names map[string]*node

func mapKeepsNothingElse() {
	names = make(map[string]*node)
	for i := range 5000 {
		names["member"+strconv.Itoa(i)] = &node{}
	}
	base := inUse()
	for range 200 {
		forget()
	}
	atMost(base, 1<<20, "a map")
	for i := range 5000 {
		if names["member"+strconv.Itoa(i)] == nil {
			fail("member", strconv.Itoa(i), "is gone")
		}
	}
	names = nil
}

func waitingGoroutineKeepsWhatItNeeds() {
	const count = 40
	base := inUse()
	waiting := make(chan struct{})
	resume := make(chan struct{})
	ended := make(chan struct{})
	for i := range count {
		go func() {
			name := "held" + strconv.Itoa(i)
			forget()
			held := chain(name)
			waiting <- struct{}{}
			<-resume
			check(held, name)
			ended <- struct{}{}
		}()
	}
	for range count {
		<-waiting
	}
	// A stack is as long as the list that each has had in hand.
	atMost(base, count*96<<10, "goroutines that wait")
	garbage()
	close(resume)
	for range count {
		<-ended
	}
}

// A goroutine's frames stay on its stack while JavaScript, which it has called,
// calls Go, where other goroutines run and the collector does.
func goroutineBelowAnotherKeepsWhatItNeeds() {
	const depth = 4
	var descend func(level int)
	again := js.FuncOf(func(_ js.Value, args []js.Value) any {
		descend(args[0].Int())
		return nil
	})
	descend = func(level int) {
		if level == depth {
			garbage()
			return
		}
		name := "level" + strconv.Itoa(level)
		held := chain(name)
		again.Invoke(level + 1)
		check(held, name)
	}
	ended := make(chan struct{})
	go func() {
		descend(0)
		close(ended)
	}()
	<-ended
	again.Release()
}

func stacksAreUsedAgain() {
	run := func() {
		ended := make(chan *node)
		for i := range 100 {
			go func() { ended <- chain("end" + strconv.Itoa(i)) }()
		}
		for range 100 {
			last := <-ended
			check(last, last.text[:len(last.text)-len(",49")])
		}
	}
	run()
	base := inUse()
	for range 20 {
		run()
	}
	atMost(base, 2<<20, "goroutines that have ended")
}
