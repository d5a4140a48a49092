// es2015 at line 2: regular_expressions.named_capturing_group regular_expressions.named_backreference
var year = /(?<year>\d{4})-\k<year>/;
