// es2015 at line 2: operators.object_initializer.spread_properties operators.spread.spread_in_object_literals
var options = { ...{ port: 1 } };
