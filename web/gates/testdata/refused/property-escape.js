// es2015 at line 2: regular_expressions.unicode_character_class_escape
var letter = /\p{L}/u;
