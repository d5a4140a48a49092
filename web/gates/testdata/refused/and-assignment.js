// es2015 at line 3: operators.logical_and_assignment
var port = 1;
port &&= 993;
