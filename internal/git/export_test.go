package git

// RecordedTree is recordedTree, for its tests.
var RecordedTree = recordedTree
