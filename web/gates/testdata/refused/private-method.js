// es2015 at line 3: classes.private_class_methods
class Queue {
  #shift() {}
}
