// es2015 at line 3: operators.nullish_coalescing_assignment
var port = null;
port ??= 993;
