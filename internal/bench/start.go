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
	url := "http://" + p.address + "/api/v1/communities/" + b.set.Community + "/instances/" + b.set.Programmes[0].Root
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+b.set.Tokens[lead][0])
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("ask a server that was just started: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("a server that was just started answers %s", answer.Status)
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
