// es2015 at line 3: grammar.template_literals.template_literal_revision
function tag() {}
tag`\unicode and \xerxes`;
