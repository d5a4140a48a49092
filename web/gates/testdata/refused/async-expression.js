// es2015 at line 2: operators.async_function operators.await
var load = async function () { await 0; };
