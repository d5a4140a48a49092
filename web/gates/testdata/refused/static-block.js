// es2015 at line 3: classes.static.initialization_blocks
class Queue {
  static { Queue.limit = 4; }
}
