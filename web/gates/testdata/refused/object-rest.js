// es2015 at line 2: operators.destructuring.rest_in_objects
var { host, ...others } = { host: 'a', port: 1 };
