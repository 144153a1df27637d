package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// clockTicks is how many units of /proc's times make a second: USER_HZ, 100 on every architecture that Linux runs on today.
const clockTicks = 100

// stat is what /proc says of a process.
type stat struct {
	parent int
	name   string
	cpu    float64 // user and system, in seconds
	gone   float64 // of its children that have ended
}

// readStat reads /proc/PID/stat (proc(5)); false where there is no such process or no such file system.
func readStat(pid int) (stat, bool) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, false
	}
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return stat{}, false
	}
	f := strings.Fields(string(b[end+1:])) // from the third field on
	if len(f) < 15 {
		return stat{}, false
	}
	ticks := func(n int) float64 { v, _ := strconv.ParseFloat(f[n-3], 64); return v / clockTicks }
	parent, _ := strconv.Atoi(f[4-3])
	return stat{parent: parent, name: string(b[open+1 : end]), cpu: ticks(14) + ticks(15), gone: ticks(16) + ticks(17)}, true
}

// processCPU is how much processor time a process has used, in seconds, to a hundredth; 0 where it cannot be measured.
func processCPU(pid int) float64 {
	s, _ := readStat(pid)
	return s.cpu
}

// familyCPU is that of a process and all its children, ended ones included.
func familyCPU(pid int) float64 {
	own, ok := readStat(pid)
	if !ok {
		return 0
	}
	sum := own.cpu + own.gone
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return sum
	}
	for _, e := range entries {
		if child, err := strconv.Atoi(e.Name()); err == nil {
			if s, ok := readStat(child); ok && s.parent == pid {
				sum += s.cpu + s.gone
			}
		}
	}
	return sum
}

// residentMB is how much memory a process holds (VmRSS), in millions of bytes; 0 where it cannot be measured.
func residentMB(pid int) float64 {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kb * 1024 / 1e6
		}
	}
	return 0
}
