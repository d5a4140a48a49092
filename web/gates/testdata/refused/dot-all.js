// es2015 at line 2:
var all = /./s;
