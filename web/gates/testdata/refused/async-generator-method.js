// es2015 at line 3: functions.method_definitions.async_generator_methods
var engine = {
  async *chunks() { yield 1; },
};
