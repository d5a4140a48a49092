module finger

go 1.26.0

require kaiwire v0.0.0

// kaiwire as it lies in this repository; your program names the place where you have it.
replace kaiwire => ../../..
