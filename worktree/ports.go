package worktree

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"syscall"
)

// Pool is the range of ports that are given out, both ends included.
type Pool struct{ First, Last int }

// ErrNoPorts says that no pair of ports is free.
var ErrNoPorts = errors.New("no free pair of ports")

// pick is the first pair, even port first, that nobody has taken and that is
// free on the system. Pairs that were freed come round again.
func (p Pool) pick(taken []int, free func(port int) bool) ([]int, error) {
	for port := p.First + p.First%2; port+1 <= p.Last; port += 2 {
		if slices.Contains(taken, port) || slices.Contains(taken, port+1) {
			continue
		}
		if free(port) && free(port+1) {
			return []int{port, port + 1}, nil
		}
	}
	return nil, fmt.Errorf("%w between %d and %d: remove a worktree, or set worktree.ports", ErrNoPorts, p.First, p.Last)
}

// portFree says whether nobody listens on a port, on any address: a wildcard
// alone misses a holder of one address on some systems, one address alone
// misses the others everywhere.
func portFree(port int) bool {
	for _, host := range []string{"", "127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			if l.Close() != nil {
				return false
			}
			continue
		}
		if noSuchFamily(err) {
			continue // no IPv6 here, say
		}
		return false
	}
	return true
}

// noSuchFamily tells an address that this machine does not have from one that
// is taken.
func noSuchFamily(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EPROTONOSUPPORT)
}

// taken are the ports that somebody has reserved: rows, the pools' own lists,
// and the env files of the worktrees.
func (r *Registry) taken(mains ...string) []int {
	out := r.portsHeld()
	for key, list := range map[string]string{"portPool": "allocated", "port_registry": "allocated_ports"} {
		if p := r.root.child(key); p != nil {
			out = append(out, p.ports(list)...)
		}
	}
	for _, row := range r.Rows {
		mains = append(mains, row.Path)
	}
	for _, dir := range mains {
		out = append(out, envPorts(dir)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Next is the first pair that is free on the system, where no registry has any.
func (p Pool) Next() ([]int, error) { return p.pick(nil, portFree) }
