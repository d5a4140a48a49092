// es2015 at line 3: functions.method_definitions.async_methods
var engine = {
  async load() {},
};
