// es2015 at line 2: operators.import_meta
var here = import.meta.url;
