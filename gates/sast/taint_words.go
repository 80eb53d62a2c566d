package sast

// What the flow of values knows of functions, methods and operators, by name.
var (
	// eachMethods give their callback what they are called on.
	eachMethods = []string{"forEach", "map", "filter", "flatMap", "then", "some", "every", "find", "reduce", "and_then", "for_each"}
	// fillMethods put their arguments into what they are called on.
	fillMethods = []string{"push", "append", "extend", "add", "unshift", "insert", "WriteString", "push_str", "update"}
	// intoCalls return their arguments, with others.
	intoCalls = []string{"append"}
	// cleanMethods say something about a value, and do not return it.
	cleanMethods = []string{
		"includes", "indexOf", "lastIndexOf", "startsWith", "endsWith", "has", "test", "charCodeAt", "search", "some", "every", "localeCompare",
		"isdigit", "isalnum", "isalpha", "isnumeric", "isdecimal", "startswith", "endswith", "count", "index", "find_all",
		"is_empty", "len", "starts_with", "ends_with", "contains", "contains_key", "is_some", "is_none", "is_ok", "is_err",
		"Len", "IsZero", "push", "digest", "hexdigest", "is_file", "is_dir", "exists",
	}
	// passing functions return their arguments in another form.
	passing = []string{
		"String", "Object.assign", "Object.values", "Object.keys", "Object.entries", "Array.from", "JSON.parse", "JSON.stringify", "Buffer.from", "decodeURIComponent",
		"decodeURI", "unescape", "atob", "btoa", "path.join", "path.resolve", "path.normalize", "util.format", "URL", "Promise.resolve", "Array",
		"str", "bytes", "repr", "list", "tuple", "dict", "set", "sorted", "reversed", "iter", "next", "zip", "enumerate", "filter", "map", "format",
		"os.path.join", "os.path.abspath", "os.path.normpath", "os.path.realpath", "os.path.expanduser", "pathlib.Path", "urllib.parse.unquote",
		"urllib.parse.unquote_plus", "urllib.parse.urljoin", "json.loads", "json.dumps", "base64.b64decode", "base64.b64encode", "io.BytesIO", "io.StringIO",
		"copy.copy", "copy.deepcopy", "textwrap.dedent", "sqlalchemy.text",
		"fmt.Sprintf", "fmt.Sprint", "fmt.Sprintln", "strings.Join", "strings.Replace", "strings.ReplaceAll", "strings.TrimSpace", "strings.Trim", "strings.TrimPrefix",
		"strings.TrimSuffix", "strings.ToLower", "strings.ToUpper", "strings.Split", "strings.Fields", "strings.Title", "strings.NewReader", "bytes.NewReader",
		"bytes.NewBufferString", "filepath.Join", "filepath.Clean", "filepath.FromSlash", "filepath.Abs", "url.QueryUnescape", "url.PathUnescape", "string", "[]byte",
		"io.ReadAll", "ioutil.ReadAll", "errors.New", "fmt.Errorf", "bufio.NewReader", "append", "min", "max",
		"String.from", "String.from_utf8_lossy", "String.from_utf8", "std.path.Path.new", "Path.new", "PathBuf.from", "std.path.PathBuf.from", "Some", "Ok", "Box.new", "std.env.args",
		"std.str.from_utf8", "OsString.from", "Cow.from", "Into.into",
	}
	// passingMethods return their arguments in another form.
	passingMethods = []string{"concat", "format", "join", "replace", "replaceAll", "join_with", "format_map", "unwrap_or", "or", "joinpath"}
	// checks are functions and operators that compare a value with known ones.
	checks = []string{
		"includes", "has", "indexOf", "test", "hasOwnProperty", "hasOwn", "isInteger", "isInt", "isUUID", "isAlphanumeric", "isNumeric",
		"startswith", "startsWith", "isalnum", "isdigit", "isdecimal", "isnumeric", "isidentifier", "is_relative_to", "fullmatch", "HasPrefix", "Contains", "MatchString", "Match",
		"IsLocal", "contains", "contains_key", "starts_with", "is_match", "url_has_allowed_host_and_scheme", "is_safe_url",
	}
	// joining are the operators that can keep a text of what they join.
	joining = []string{"+", "%", "||", "??", "&&", "|", "/"}
	// cleanMembers are members that say something about a value, and are none.
	cleanMembers = []string{"length", "size", "byteLength"}
	// endings are functions that do not return.
	endings = []string{"abort", "flask.abort", "sys.exit", "process.exit", "panic", "os.Exit", "log.Fatal", "log.Fatalf"}
)
