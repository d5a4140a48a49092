// es2015 at line 2: statements.import
import { load } from './kaiwire.js';
