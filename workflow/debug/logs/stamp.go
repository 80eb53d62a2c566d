package logs

import (
	"bytes"
	"strconv"
	"time"
)

// stampWithin is how far into a line its time begins at the latest.
const stampWithin = 256

// stamper finds the time of a line. Stamps without a zone are taken as UTC;
// without a year, as the last one that is not in the future.
type stamper struct{ now time.Time }

// find is the first time of a line.
func (s *stamper) find(line []byte) (time.Time, bool) {
	end := min(len(line), stampWithin)
	for i := 0; i < end; i++ {
		b := line[i]
		if i > 0 && alnum(line[i-1]) && (i > 1 || !klogLevel(line[0])) {
			continue
		}
		switch {
		case digit(b):
			if t, ok := s.digits(line, i); ok {
				return t, true
			}
		case upper(b) && i+15 <= len(line):
			if t, ok := s.month(line[i:]); ok {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// klogLevel is the letter before a stamp of klog.
func klogLevel(b byte) bool { return b == 'I' || b == 'W' || b == 'E' || b == 'F' }

// digits reads a stamp that begins with a digit.
func (s *stamper) digits(line []byte, i int) (time.Time, bool) {
	rest := line[i:]
	n := 0
	for n < len(rest) && digit(rest[n]) {
		n++
	}
	switch {
	case n == 4 && len(rest) >= 19 && (rest[4] == '-' || rest[4] == '/'):
		return ymd(rest)
	case n == 4 && len(rest) >= 14 && i == 1 && klogLevel(line[0]):
		return s.klog(rest)
	case n == 2 && len(rest) >= 20 && (rest[2] == '/' || rest[2] == '-' || rest[2] == ' ') && upper(rest[3]):
		return dayMonth(rest)
	case (n == 10 || n == 13) && epochHere(line, i):
		return epoch(rest[:n], rest[n:])
	}
	return time.Time{}, false
}

// ymd is 2026-01-02T03:04:05.678+01:00 and its kin: with / for -, a space for T,
// a comma before the fraction, and with or without a zone.
func ymd(b []byte) (time.Time, bool) {
	if b[7] != b[4] || b[10] != 'T' && b[10] != ' ' && b[10] != '_' && b[10] != 't' || b[13] != ':' || b[16] != ':' {
		return time.Time{}, false
	}
	return moment6(num(b[0:4]), num(b[5:7]), num(b[8:10]), b[11:])
}

// moment6 is a day and what follows it: 03:04:05, a fraction, a zone.
func moment6(year, month, day int, clock []byte) (time.Time, bool) {
	hour, minute, second := num(clock[0:2]), num(clock[3:5]), num(clock[6:8])
	if year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return time.Time{}, false
	}
	nanos, rest := fraction(clock[8:])
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	if t.Day() != day {
		return time.Time{}, false // the 31st of a short month
	}
	return t.Add(-zone(rest)), true
}

// fraction is the nanoseconds after . or , and what follows them.
func fraction(b []byte) (int, []byte) {
	if len(b) < 2 || b[0] != '.' && b[0] != ',' || !digit(b[1]) {
		return 0, b
	}
	nanos, scale, i := 0, 100_000_000, 1
	for ; i < len(b) && digit(b[i]); i++ {
		nanos += int(b[i]-'0') * scale
		scale /= 10
	}
	return nanos, b[i:]
}

// zone is how far a time is ahead of UTC: +01:00, +0100, " +0100", Z.
func zone(b []byte) time.Duration {
	b = bytes.TrimPrefix(b, []byte(" "))
	if len(b) < 5 || b[0] != '+' && b[0] != '-' {
		return 0
	}
	hours, minutes := num(b[1:3]), num(b[3:5])
	if b[3] == ':' && len(b) >= 6 {
		minutes = num(b[4:6])
	}
	if hours < 0 || hours > 14 || minutes < 0 || minutes > 59 {
		return 0
	}
	d := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if b[0] == '-' {
		return -d
	}
	return d
}

// dayMonth is 02/Jan/2026:03:04:05 +0000 (web servers), 02-Jan-2026 03:04:05, and
// 02 Jan 2026 03:04:05 (mail).
func dayMonth(b []byte) (time.Time, bool) {
	if b[6] != b[2] || b[11] != ':' && b[11] != ' ' || b[14] != ':' || b[17] != ':' {
		return time.Time{}, false
	}
	return moment6(num(b[7:11]), monthOf(b[3:6]), num(b[0:2]), b[12:])
}

// month is Jan  2 03:04:05 (syslog) and Fri Jan 02 03:04:05 2026 (ctime, Apache).
func (s *stamper) month(b []byte) (time.Time, bool) {
	m := monthOf(b)
	if m < 1 || b[3] != ' ' || b[6] != ' ' || b[9] != ':' || b[12] != ':' {
		return time.Time{}, false
	}
	day := num(b[4:6])
	if b[4] == ' ' {
		day = num(b[5:6])
	}
	_, rest := fraction(b[15:])
	if len(rest) >= 5 && rest[0] == ' ' && num(rest[1:5]) >= 1970 && (len(rest) == 5 || !digit(rest[5])) {
		return moment6(num(rest[1:5]), m, day, b[7:15])
	}
	return s.recent(m, day, b[7:])
}

// klog is 0102 03:04:05.678, after the letter of its level.
func (s *stamper) klog(b []byte) (time.Time, bool) {
	if b[4] != ' ' || b[7] != ':' || b[10] != ':' {
		return time.Time{}, false
	}
	return s.recent(num(b[0:2]), num(b[2:4]), b[5:])
}

// recent is a time without a year.
func (s *stamper) recent(month, day int, clock []byte) (time.Time, bool) {
	t, ok := moment6(s.now.UTC().Year(), month, day, clock)
	if !ok && month == 2 && day == 29 {
		for back := 1; back < 8 && !ok; back++ {
			t, ok = moment6(s.now.UTC().Year()-back, month, day, clock)
		}
		return t, ok
	}
	if ok && t.After(s.now.Add(24*time.Hour)) {
		return moment6(s.now.UTC().Year()-1, month, day, clock)
	}
	return t, ok
}

// epochHere says whether a number of ten or thirteen digits may be a time: at
// the start of a line, in brackets, or as the value of a key.
func epochHere(line []byte, i int) bool {
	if i == 0 || i == 1 && (line[0] == '[' || line[0] == '(') {
		return true
	}
	before := bytes.TrimRight(line[:i], " \"")
	for _, key := range []string{`ts":`, `time":`, `timestamp":`, `date":`, "ts=", "time=", "timestamp=", "audit("} {
		if bytes.HasSuffix(before, []byte(key)) {
			return true
		}
	}
	return false
}

func epoch(digits, rest []byte) (time.Time, bool) {
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || len(digits) == 10 && n < 100_000_000 {
		return time.Time{}, false
	}
	if len(digits) == 13 {
		return time.UnixMilli(n).UTC(), true
	}
	nanos, _ := fraction(rest)
	return time.Unix(n, int64(nanos)).UTC(), true
}

// num is a number of digits, or -1.
func num(b []byte) int {
	n := 0
	for _, c := range b {
		if !digit(c) {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// monthOf is the month that a text begins with, or -1.
func monthOf(b []byte) int {
	if i := bytes.Index([]byte("JanFebMarAprMayJunJulAugSepOctNovDec"), b[:3]); i >= 0 && i%3 == 0 {
		return i/3 + 1
	}
	return -1
}
