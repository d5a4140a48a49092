// es2015 at line 2: operators.async_function
var load = async () => 0;
