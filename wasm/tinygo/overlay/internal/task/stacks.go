//go:build tinygo

package task

import "unsafe"

// stackHead is what a stack begins with. Above it lies what asyncify has saved
// of a goroutine that waits, up to asyncifysp; and from the stack's end
// downwards its frames, as far as csp. What is in between is of the past.
type stackHead struct {
	canary uintptr
	owner  *state         // nil once the goroutine has ended
	next   unsafe.Pointer // a stack for the next ones, or nil
}

// Stacks of goroutines that have ended, for those to come. All are of one size,
// and too long to be found room for again and again: with small things that
// live on between them, the collector's memory grew by a stack for each
// goroutine that came and went, until it had doubled four times.
var stacks struct {
	free unsafe.Pointer
	n    int
	size uintptr
}

// keptStacks is how many of them a collection leaves.
const keptStacks = 16

// StackLayout is in the place of the layout of an object in the collector's
// memory: such an object is looked through by MarkStack.
var StackLayout uintptr

//go:linkname markRoots runtime.markRoots
func markRoots(start, end uintptr)

//export tinygo_getCurrentStackPointer
func currentStackPointer() uintptr

// End leaves the current task for good.
func End() {
	currentTask.state.ended = true
	currentTask.state.unwind()
}

// makeStack returns a stack, and where asyncify's part of it begins.
func (s *state) makeStack(size uintptr) (stack, start unsafe.Pointer) {
	if stacks.free != nil && size == stacks.size {
		stack = stacks.free
		stacks.free = (*stackHead)(stack).next
		stacks.n--
	} else {
		stack = runtime_alloc(size, unsafe.Pointer(&StackLayout))
	}
	head := (*stackHead)(stack)
	head.owner, head.next = s, nil
	s.stackSize = size
	return stack, unsafe.Add(stack, unsafe.Sizeof(*head))
}

// giveStack takes the stack of a task that has ended.
func giveStack(s *state) {
	stack := unsafe.Pointer(s.canaryPtr)
	if *s.canaryPtr != stackCanary {
		runtimePanic("stack overflow")
	}
	s.canaryPtr, s.asyncifysp, s.csp = nil, nil, nil
	head := (*stackHead)(stack)
	head.owner = nil
	if stacks.size == 0 {
		stacks.size = s.stackSize
	}
	if s.stackSize != stacks.size {
		return
	}
	head.next = stacks.free
	stacks.free = stack
	stacks.n++
}

// leave notes how far the frames of a task reach that stays on its stack while
// another runs: JavaScript has called Go again, which it had called.
func (t *Task) leave() {
	if t != nil {
		t.state.csp = unsafe.Pointer(currentStackPointer())
	}
}

// TrimStacks gives stacks that nobody has needed back, at the beginning of a
// collection.
func TrimStacks() {
	for ; stacks.n > keptStacks; stacks.n-- {
		head := (*stackHead)(stacks.free)
		stacks.free, head.next = head.next, nil
	}
}

// MarkStack finds what the goroutine of a stack still holds. TinyGo's collector
// would go through all of it: 64 KB for each that waits, and whatever earlier
// calls have left there.
func MarkStack(stack uintptr) {
	head := (*stackHead)(unsafe.Pointer(stack))
	frames := stack + unsafe.Sizeof(*head)
	markRoots(stack, frames)
	s := head.owner
	if s == nil {
		return
	}
	if saved := uintptr(s.asyncifysp); saved > frames {
		markRoots(frames, saved)
	}
	low := uintptr(s.csp)
	if currentTask != nil && s == &currentTask.state {
		low = currentStackPointer()
	}
	markRoots(low, stack+s.stackSize)
}
