package store

import "slices"

// SessionSettings are the settings under which PostgreSQL plans the store's statements.
func SessionSettings() map[string]string { return sessionSettings() }

// AddressDefaults shows what a PostgreSQL address is completed with: sslmode and connect_timeout.
func AddressDefaults(dsn string) (string, error) {
	config, err := postgresConfig(dsn, false)
	return string(config.SSLMode) + " " + config.ConnectTimeout.String(), err
}

// Statements returns the text of every statement that the store has run and prepared.
func (s *Store) Statements() []string {
	var out []string
	for text := range s.prepared {
		out = append(out, s.dialect.rebind(text))
	}
	for range cap(s.sessions) {
		c := <-s.sessions
		if c != nil {
			for of := range c.stmts {
				out = append(out, s.dialect.rebind(of.whole()))
			}
		}
		s.sessions <- c
	}
	slices.Sort(out)
	return slices.Compact(out)
}
