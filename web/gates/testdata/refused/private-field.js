// es2015 at line 3: classes.private_class_fields
class Queue {
  #items = [];
}
