package machine

import (
	"math"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestListening(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ports, err := Listening()
	if err != nil {
		t.Skip(err)
	}
	for _, p := range ports {
		if p.Port == l.Addr().(*net.TCPAddr).Port && p.Address == "127.0.0.1" && p.PID == os.Getpid() {
			return
		}
	}
	t.Errorf("%v is not in %+v", l.Addr(), ports)
}

func TestResident(t *testing.T) {
	if _, _, err := Resident("WF_CI_NO_SUCH=1"); err != nil {
		t.Skip(err)
	}
	if _, n, _ := Resident("WF_CI_NO_SUCH=1"); n != 0 {
		t.Errorf("%d processes", n)
	}
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "PATH=") {
			if b, n, err := Resident(kv); b < 1<<20 || n < 1 || err != nil {
				t.Errorf("%d bytes of %d processes, %v", b, n, err)
			}
		}
	}
}

func TestSummary(t *testing.T) {
	var s []Sample
	for i := range 21 {
		s = append(s, Sample{time.Duration(i) * 6 * time.Second, 1000 + int64(i)*10})
	}
	g := Summary(s)
	if g.Baseline != 1000 || g.Peak != 1200 || g.End != 1200 || math.Abs(g.PerMinute-100) > 1e-6 || g.Samples != 21 {
		t.Errorf("%+v", g)
	}
	if g := Summary(nil); g != (Growth{}) {
		t.Errorf("%+v", g)
	}
	if g := Summary(s[:1]); g.PerMinute != 0 {
		t.Errorf("%+v", g)
	}
}

func FuzzListeners(f *testing.F) {
	f.Add("  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1234 1\n")
	f.Fuzz(func(t *testing.T, table string) {
		for p := range listeners(table) {
			if p.Port < 0 || p.Port > 65535 {
				t.Fatal(p)
			}
		}
	})
}
