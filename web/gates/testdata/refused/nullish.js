// es2015 at line 2: operators.nullish_coalescing
var port = null ?? 993;
