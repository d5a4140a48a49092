// es2015 at line 3: classes.private_class_fields_in
class Queue {
  static is(x) { return #items in x; } #items;
}
