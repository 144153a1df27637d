package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

const (
	starts   = 5
	idleWait = 3 * time.Second
)

// takeStart starts the server several times on the data that the other measures left, and looks at its memory at the end.
func (b *bench) takeStart(ctx context.Context) error {
	if err := b.server.stop(); err != nil {
		return err
	}
	out := &StartFigures{}
	for n := range starts {
		began := b.cfg.Now()
		p, err := b.start(ctx, PartServer, PartOrder{DSN: b.ours.dsn, Dir: b.ours.dir})
		if err != nil {
			return err
		}
		if err := b.firstAnswer(ctx, p); err != nil {
			return errors.Join(err, p.stop())
		}
		out.FirstAnswer = append(out.FirstAnswer, float64(b.cfg.Now().Sub(began).Microseconds())/1000)
		if n == starts-1 && b.wants(Idle) {
			time.Sleep(min(idleWait, b.cfg.Duration))
			out.IdleMB = residentMB(p.pid)
		}
		if err := p.stop(); err != nil {
			return err
		}
	}
	b.report.Start = out
	return nil
}

// firstAnswer asks, with a token, for something that the database has to be asked about.
func (b *bench) firstAnswer(ctx context.Context, p *process) error {
	return p.get(ctx, "/api/v1/communities/"+b.set.Community+"/instances/"+b.set.Programmes[0].Root, b.set.Tokens[lead][0])
}

// serving starts the server on a database and waits until it serves.
func (b *bench) serving(ctx context.Context, order PartOrder) (*process, error) {
	p, err := b.start(ctx, PartServer, order)
	if err != nil {
		return nil, err
	}
	return p, p.get(ctx, "/readyz", "")
}

// get asks for something once, and is content with nothing but 200. A server that listens and is not ready yet is waited for.
func (p *process) get(ctx context.Context, path, token string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+path, nil)
	if err != nil {
		return err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("ask the %s for %s: %w\n%s", p.name, path, err, p.said)
	}
	if answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("the %s answers %s to %s\n%s", p.name, answer.Status, path, p.said)
	}
	return errors.Join(err, answer.Body.Close())
}

// middle is the median.
func middle(of []float64) float64 {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}
