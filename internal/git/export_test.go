package git

// RecordedTree is recordedTree, for its tests.
var RecordedTree = recordedTree

// TreeObjectNames are the names that parseTreeObject reads.
func TreeObjectNames(text string) (names []string, ok bool) {
	entries, ok := parseTreeObject(text)
	for _, e := range entries {
		names = append(names, e.name)
	}
	return names, ok
}
