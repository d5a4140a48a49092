// es2015 at line 2: operators.import
import('./kaiwire.js');
