// es2015 at line 2:
var big = 1n;
