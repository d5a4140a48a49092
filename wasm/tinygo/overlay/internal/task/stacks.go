//go:build tinygo

package task

import "unsafe"

// Stacks of goroutines that have ended, for those to come. All are of one size,
// and too long to be found room for again and again: with small things that
// live on between them, the collector's memory grew by a stack for each
// goroutine that came and went, until it had doubled four times.
var stacks struct {
	free [16]unsafe.Pointer
	n    int
	size uintptr
}

// End leaves the current task for good.
func End() {
	currentTask.state.ended = true
	currentTask.state.unwind()
}

func takeStack(size uintptr) unsafe.Pointer {
	if stacks.n == 0 || size != stacks.size {
		return runtime_alloc(size, nil)
	}
	stacks.n--
	stack := stacks.free[stacks.n]
	stacks.free[stacks.n] = nil
	return stack
}

// giveStack takes the stack of a task that has ended.
func giveStack(s *state) {
	stack := unsafe.Pointer(s.canaryPtr)
	if *s.canaryPtr != stackCanary {
		runtimePanic("stack overflow")
	}
	s.canaryPtr, s.asyncifysp, s.csp = nil, nil, nil
	if stacks.size == 0 {
		stacks.size = s.stackSize
	}
	if stacks.n == len(stacks.free) || s.stackSize != stacks.size {
		return
	}
	// What is left in it would keep alive what it points to.
	clear(unsafe.Slice((*byte)(stack), s.stackSize))
	stacks.free[stacks.n] = stack
	stacks.n++
}
