#!/usr/bin/env node
// es2015 at line 1: grammar.hashbang_comments
