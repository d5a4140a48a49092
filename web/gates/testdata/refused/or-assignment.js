// es2015 at line 3: operators.logical_or_assignment
var port = 0;
port ||= 993;
