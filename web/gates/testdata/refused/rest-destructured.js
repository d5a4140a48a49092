// es2015 at line 2: functions.rest_parameters.destructuring
function first(...[a]) { return a; }
