package app

import (
	"errors"
	"time"

	"github.com/linli/linli/internal/calendar"
)

// desk is what a command works at: the opened data, and how to find things in it.
type desk struct {
	*session
	*finder
	app       *App // read-only if another process holds the data
	commands  commander
	community string // that was asked for; "" for any
}

// reading opens the data for reading, which works while another process writes, and does something with it.
func (s *session) reading(f dataFlags, do func(*desk) error) (err error) {
	a, err := s.openApp(f, true)
	if err != nil {
		return err
	}
	defer func() { err = s.finish(a, err) }()
	return do(s.desk(f, a, a.Engine))
}

// writing opens the data for commands, and has the checkpoint file brought up to date afterwards. Commands go through desk.commands: if
// another process holds a SQLite directory and takes commands, they are handed to it, and the desk's App is read-only.
func (s *session) writing(f dataFlags, do func(*desk) error) (err error) {
	at, err := s.reach(f)
	if err != nil {
		return err
	}
	if at.own != nil {
		defer func() { err = s.finish(at.own, err) }()
		return do(s.desk(f, at.own, at.own.Engine))
	}
	a, err := s.openApp(f, true)
	if err != nil {
		at.client.Close()
		return err
	}
	h := newHandover(at, func() (access, error) { return s.reach(f) })
	defer func() { err = s.finish(a, s.settle(h, err)) }()
	return do(s.desk(f, a, h))
}

// holding opens the data for writing in this very process, for as long as do runs: for what serves others.
func (s *session) holding(f dataFlags, do func(*desk) error) (err error) {
	a, err := s.hold(f)
	if err != nil {
		return err
	}
	defer func() { err = s.finish(a, err) }()
	return do(s.desk(f, a, a.Engine))
}

func (s *session) desk(f dataFlags, a *App, commands commander) *desk {
	return &desk{session: s, app: a, commands: commands, community: f.Community, finder: &finder{store: a.Store, engine: a.Engine}}
}

// place is a spot with what is needed to write it out.
type place struct {
	*spot
	names *namer
	zone  *time.Location
}

// goTo finds the place that a path names.
func (d *desk) goTo(path string) (*place, error) {
	s, err := d.find(d.ctx, d.community, path)
	if err != nil {
		return nil, err
	}
	zone, err := d.zoneOf(s.head.Community)
	if err != nil {
		return nil, err
	}
	return &place{spot: s, names: newNamer(d.store, d.engine, s.head.Community, s.bundle), zone: zone}, nil
}

// zoneOf is the time zone of a community.
func (d *desk) zoneOf(community string) (*time.Location, error) {
	i, err := d.store.Instance(d.ctx, community, community)
	if err != nil {
		return nil, err
	}
	name := ""
	if i != nil {
		name, _ = i.Body.Data["zone"].(string)
	}
	if name == "" {
		name = "Asia/Shanghai"
	}
	zone, err := calendar.Zone(name)
	if err != nil {
		return nil, errors.Join(errors.New("the community's time zone"), err)
	}
	return zone, nil
}
