// es2015 at line 2: operators.optional_chaining
var length = [].x?.length;
