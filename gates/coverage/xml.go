package coverage

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// readCobertura reads coverage-04.dtd, as coverage.py, istanbul, gcovr,
// tarpaulin and coverlet write it.
func readCobertura(data []byte) (*report, error) {
	b := newBuilder("cobertura", byPath)
	x := newXML(data)
	var f *reportFile
	source := false
	for {
		t, err := x.token()
		if errors.Is(err, io.EOF) {
			return &b.rep, nil
		}
		if err != nil {
			return nil, err
		}
		switch e := t.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "source":
				source = true
			case "class":
				f, err = b.file(attr(e, "filename"))
			case "line":
				if f == nil {
					return nil, errors.New("a line of no class")
				}
				// The lines of a method stand there a second time.
				err = b.xmlLine(f, attr(e, "number"), attr(e, "hits"))
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "source":
				source = false
			case "class":
				f = nil
			}
		case xml.CharData:
			if source && len(b.rep.sources) < 1000 {
				b.rep.sources = append(b.rep.sources, string(e))
			}
		}
		if err != nil {
			return nil, err
		}
	}
}

func (b *builder) xmlLine(f *reportFile, number, hits string) error {
	line, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return fmt.Errorf("%.200q: line %.40q", f.name, number)
	}
	n, err := strconv.ParseInt(hits, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%.200q:%d: hits %.40q", f.name, line, hits)
	}
	return b.most(f, line, n)
}

// readJaCoCo reads JaCoCo's report.dtd: a line counts as run when one of its
// instructions was. Files have a package and a name, and no directory.
func readJaCoCo(data []byte) (*report, error) {
	b := newBuilder("jacoco", byPackage)
	x := newXML(data)
	var f *reportFile
	pkg := ""
	for {
		t, err := x.token()
		if errors.Is(err, io.EOF) {
			return &b.rep, nil
		}
		if err != nil {
			return nil, err
		}
		switch e := t.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "package":
				pkg = attr(e, "name")
			case "sourcefile":
				name := attr(e, "name")
				if pkg != "" && name != "" {
					name = pkg + "/" + name
				}
				f, err = b.file(name)
			case "line":
				if f == nil {
					return nil, errors.New("a line of no file")
				}
				err = b.jacocoLine(f, e)
			}
		case xml.EndElement:
			if e.Name.Local == "sourcefile" {
				f = nil
			}
		}
		if err != nil {
			return nil, err
		}
	}
}

func (b *builder) jacocoLine(f *reportFile, e xml.StartElement) error {
	missed, err := strconv.ParseInt(attr(e, "mi"), 10, 64)
	if err != nil || missed < 0 {
		return fmt.Errorf("%.200q: mi %.40q", f.name, attr(e, "mi"))
	}
	return b.xmlLine(f, attr(e, "nr"), attr(e, "ci"))
}
