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
	app       *App
	community string // that was asked for; "" for any
}

// reading opens the data for reading, which works while another process writes, and does something with it.
func (s *session) reading(f dataFlags, do func(*desk) error) error { return s.at(f, true, do) }

// writing opens the data for writing, and appends to the checkpoint file afterwards.
func (s *session) writing(f dataFlags, do func(*desk) error) error { return s.at(f, false, do) }

func (s *session) at(f dataFlags, readOnly bool, do func(*desk) error) (err error) {
	a, err := s.openApp(f, readOnly)
	if err != nil {
		return err
	}
	defer func() { err = s.finish(a, err) }()
	return do(&desk{session: s, app: a, community: f.Community, finder: &finder{store: a.Store, engine: a.Engine}})
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
