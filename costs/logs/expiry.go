package logs

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Claude Code deletes logs that were not written for so many days, where its
// settings do not say otherwise; a week before is early enough to be told.
const (
	claudeDays = 30
	noticeDays = 7
)

// Expiring counts the logs of Claude Code that it will delete within a week and
// that were not read: those of the given projects' directories. days is after how
// many it deletes.
func Expiring(getenv func(string) string, before *State, roots []string, now time.Time) (logs, days int) {
	for _, dir := range claudeDirs(getenv) {
		period := claudePeriod(dir)
		limit := now.AddDate(0, 0, noticeDays-period).UnixNano()
		for _, root := range roots {
			for _, f := range findIn(filepath.Join(dir, "projects", slug(root)), "claude", func(string) {}) {
				if old, ok := before.files[f.path]; f.mtime < limit && (!ok || old.Size != f.size || old.Mtime != f.mtime) {
					logs, days = logs+1, period
				}
			}
		}
	}
	return logs, days
}

// claudePeriod is cleanupPeriodDays of the settings in a folder.
func claudePeriod(dir string) int {
	data, err := os.ReadFile(filepath.Join(dir, "settings.json"))
	days := int64(claudeDays)
	if err != nil {
		return int(days)
	}
	s := scanner{data: data}
	s.object(func(key []byte) {
		if string(key) != "cleanupPeriodDays" {
			s.skip()
			return
		}
		if n := s.count(); !s.bad && n > 0 && n < 100_000 {
			days = n
		}
	})
	return int(days)
}

// slug is the folder of a project: its path, with a dash for all that is no
// letter and no digit.
func slug(dir string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, dir)
}
