package gates

// IgnoreFiles are the names that the tests have to try, all of them.
var IgnoreFiles = ignoreFiles
