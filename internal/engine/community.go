package engine

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/linli/linli/internal/calendar"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// newBundle says on which bundle a new root runs: the community's current one (its field `bundle`), and for a new community the
// one it names.
func (e *Engine) newBundle(b *build, r *Request) (string, error) {
	if c := b.snap.Instance(r.Community); c != nil {
		if hash, _ := c.Body.Data["bundle"].(string); hash != "" {
			return hash, nil
		}
		return b.heads[r.Community].Bundle, nil
	}
	if hash, _ := r.Values["bundle"].(string); hash != "" {
		return hash, nil
	}
	return "", fault.New(fault.NotFound, "unknown_community", "还没有这个社区；请先建立社区", "there is no such community; create it first")
}

// defaultZone is where a community lives that does not say.
const defaultZone = "Asia/Shanghai"

// bundleFor says on which bundle a command is decided: a programme's own, which never moves, and for the registry the community's
// current one.
func (b *build) bundleFor(r *Request, head Head) string {
	if c := b.snap.Instance(r.Community); c != nil && head.Root == r.Community {
		if hash, _ := c.Body.Data["bundle"].(string); hash != "" {
			return hash
		}
	}
	return head.Bundle
}

// checkCommunity refuses settings of a community under which nothing would work any more: a time zone that does not exist, a bundle
// that is not stored or that lacks what the registry holds. They could not be set right again by any command.
func (b *build) checkCommunity(ctx context.Context, r *Request, current *workflow.Bundle) error {
	if r.Kind == workflow.KindCreate && r.Workflow != "community" || r.Target != "" && r.Target != r.Community {
		return nil
	}
	if name, given := r.Values["zone"].(string); given && name != "" {
		if _, err := calendar.Zone(name); err != nil {
			return fault.NewInvalid("zone", "unknown_zone", "没有这个时区；请填如 Asia/Shanghai", "there is no such time zone; give one such as Asia/Shanghai")
		}
	}
	hash, _ := r.Values["bundle"].(string)
	if hash == "" || hash == current.Hash {
		return nil
	}
	next, err := b.e.Bundle(ctx, hash)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "unknown_bundle", "没有这个定义集；请先载入并检查", "there is no such bundle; load and check it first").WithField("bundle")
	}
	if lost := workflow.RegistryLosses(current, next); len(lost) > 0 {
		list := strings.Join(lost, ", ")
		return fault.NewInvalid("bundle", "incompatible_bundle", "新的定义集缺少登记册正在使用的内容："+list, "the new bundle lacks what the registry uses: "+list)
	}
	return nil
}

// zone is the community's time zone. A stored name that is no zone any more must not stop everything.
func (b *build) zone(r *Request) *time.Location {
	name, _ := r.Values["zone"].(string)
	if c := b.snap.Instance(r.Community); c != nil {
		name, _ = c.Body.Data["zone"].(string)
	}
	if name == "" {
		name = defaultZone
	}
	z, err := b.e.zones.load(name)
	if err != nil {
		b.e.log.Error("the community's time zone is not known; its times are read in "+defaultZone, "community", r.Community, "zone", name)
		if z, err = b.e.zones.load(defaultZone); err != nil {
			z = time.UTC
		}
	}
	return z
}

// zones are the time zones in use: reading one takes longer than deciding a command.
type zones struct {
	mu    sync.RWMutex
	known map[string]*time.Location
}

func (z *zones) load(name string) (*time.Location, error) {
	z.mu.RLock()
	l := z.known[name]
	z.mu.RUnlock()
	if l != nil {
		return l, nil
	}
	l, err := calendar.Zone(name)
	if err != nil {
		return nil, err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.known == nil {
		z.known = map[string]*time.Location{}
	}
	z.known[name] = l // there are a few hundred
	return l, nil
}
