// es2015 at line 3: classes.public_class_fields
class Queue {
  items = [];
}
