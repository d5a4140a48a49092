// es2015 at line 3: classes.static.class_fields
class Queue {
  static limit = 4;
}
